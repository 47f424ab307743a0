-- The database user {{ user }} of Gentle Nudge, with the rights that its configuration needs.
-- Made by gentle-nudge grants. Run this as an administrator of the database, as often as you like.
-- gentle-nudge check names every missing right.

-- 1. The user. A new one is locked until it gets a password:
--    ALTER USER {{ user }} IDENTIFIED BY '...' ACCOUNT UNLOCK;

CREATE USER IF NOT EXISTS {{ user }} ACCOUNT LOCK;

-- 2. Reading. In borrowers only the columns that are used: no password hashes, no notes, no messages.

{% for right in reading %}
GRANT {{ right | string | wordwrap(112, wrapstring="\n    ") }}
    ON {{ database }}.`{{ right.table }}` TO {{ user }};
{% endfor %}
{% if writing %}

-- 3. Writing into Koha: flag, restriction, fee and its waiver, and Koha's own log. In Koha's tables only restrictions can
--    be deleted. Account lines can be added. In an existing line only the outstanding amount can be changed.

{% for right in writing %}
GRANT {{ right | string | wordwrap(112, wrapstring="\n    ") }}
    ON {{ database }}.`{{ right.table }}` TO {{ user }};
{% endfor %}
{% endif %}
{% if own %}

{% if writing %}
-- 4. Our own tables. Only init uses CREATE, ALTER, INDEX and REFERENCES, at the beginning and after an upgrade of the
--    program. You may revoke them in between.
{% else %}
-- 3. Our own tables: a dry run knows who is in collections.
{% endif %}

{% for right in own %}
GRANT {{ right | string | wordwrap(112, wrapstring="\n    ") }}
    ON {{ database }}.`{{ right.table }}` TO {{ user }};
{% endfor %}
{% endif %}
