-- The database user {{ user }}, who writes down what staff want done: wishes, in a table of Gentle Nudge's own.
-- Made by gentle-nudge grants --outside-writer. Run this as an administrator of the database, as often as you like.
-- The user reads wishes and adds new ones. It changes and deletes none, and has no right to any other table.

CREATE USER IF NOT EXISTS {{ user }} ACCOUNT LOCK;

GRANT SELECT, INSERT ({{ columns | join(", ") }})
    ON {{ database }}.`{{ table }}` TO {{ user }};
