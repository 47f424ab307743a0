-- The rights of a database user of our own, no more than it needs. Koha's own user (that of koha-conf.xml) has them all
-- already: this file is for those who want reports and payments kept apart, or dry runs that cannot write whatever
-- happens.
--
-- Put in the names, then run it as an administrator of the database:
--   sed -e 's/koha_LIB/koha_mylibrary/g' -e 's/THE-PASSWORD/.../' grants.sql | mysql
--
-- In the configuration: [koha] url = "mysql+pymysql://gentle_nudge@localhost/koha_LIB" and password_file.
-- gentle-nudge check names every right that is missing. A test runs this file on MariaDB.

-- 1. The user.

CREATE USER IF NOT EXISTS 'gentle_nudge'@'localhost' IDENTIFIED BY 'THE-PASSWORD';

-- 2. Reading. This is all that dry runs, explain and import-plugin need. Of borrowers only what is used: no password
--    hashes, no notes, no messages. (An older Koha may lack protected or anonymized: leave them out, then.)

GRANT SELECT (
    borrowernumber, cardnumber, surname, firstname, address, address2, city, zipcode, state, phone, mobile, phonepro,
    B_phone, email, branchcode, categorycode, sort1, sort2, debarred, debarredcomment, userid, dateofbirth, protected,
    anonymized, updated_on
) ON koha_LIB.borrowers TO 'gentle_nudge'@'localhost';
GRANT SELECT ON koha_LIB.account_debit_types TO 'gentle_nudge'@'localhost';
GRANT SELECT ON koha_LIB.account_offsets TO 'gentle_nudge'@'localhost';
GRANT SELECT ON koha_LIB.accountlines TO 'gentle_nudge'@'localhost';
GRANT SELECT ON koha_LIB.action_logs TO 'gentle_nudge'@'localhost';
GRANT SELECT ON koha_LIB.authorised_values TO 'gentle_nudge'@'localhost';
GRANT SELECT ON koha_LIB.borrower_attribute_types TO 'gentle_nudge'@'localhost';
GRANT SELECT ON koha_LIB.borrower_attributes TO 'gentle_nudge'@'localhost';
GRANT SELECT ON koha_LIB.borrower_debarments TO 'gentle_nudge'@'localhost';
GRANT SELECT ON koha_LIB.borrower_relationships TO 'gentle_nudge'@'localhost';
GRANT SELECT ON koha_LIB.branches TO 'gentle_nudge'@'localhost';
GRANT SELECT ON koha_LIB.categories TO 'gentle_nudge'@'localhost';
GRANT SELECT ON koha_LIB.items TO 'gentle_nudge'@'localhost';
GRANT SELECT ON koha_LIB.library_groups TO 'gentle_nudge'@'localhost';
GRANT SELECT ON koha_LIB.plugin_data TO 'gentle_nudge'@'localhost';
GRANT SELECT ON koha_LIB.plugin_methods TO 'gentle_nudge'@'localhost';
GRANT SELECT ON koha_LIB.restriction_types TO 'gentle_nudge'@'localhost';
GRANT SELECT ON koha_LIB.smtp_servers TO 'gentle_nudge'@'localhost';
GRANT SELECT ON koha_LIB.systempreferences TO 'gentle_nudge'@'localhost';

-- 3. Writing into Koha: flag, restriction, fee and its waiver, and Koha's own log. Nothing of Koha's can be deleted but
--    restrictions; account lines can be added, and of those there are only what is outstanding can be changed.

GRANT UPDATE (sort1, sort2, debarred, debarredcomment, updated_on) ON koha_LIB.borrowers
    TO 'gentle_nudge'@'localhost';
GRANT INSERT, UPDATE (amountoutstanding) ON koha_LIB.accountlines TO 'gentle_nudge'@'localhost';
GRANT INSERT ON koha_LIB.account_offsets TO 'gentle_nudge'@'localhost';
GRANT INSERT, UPDATE (attribute) ON koha_LIB.borrower_attributes TO 'gentle_nudge'@'localhost';
GRANT INSERT, DELETE ON koha_LIB.borrower_debarments TO 'gentle_nudge'@'localhost';
GRANT INSERT ON koha_LIB.action_logs TO 'gentle_nudge'@'localhost';

-- 4. Our own tables. CREATE, ALTER, INDEX and REFERENCES are used by init alone, at the beginning and after an upgrade
--    of the program: whoever wants to may revoke them in between.

GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES
    ON koha_LIB.gentle_nudge_meta TO 'gentle_nudge'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES
    ON koha_LIB.gentle_nudge_run TO 'gentle_nudge'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES
    ON koha_LIB.gentle_nudge_run_count TO 'gentle_nudge'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES
    ON koha_LIB.gentle_nudge_case TO 'gentle_nudge'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES
    ON koha_LIB.gentle_nudge_case_line TO 'gentle_nudge'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES
    ON koha_LIB.gentle_nudge_report TO 'gentle_nudge'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES
    ON koha_LIB.gentle_nudge_report_part TO 'gentle_nudge'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES
    ON koha_LIB.gentle_nudge_report_row TO 'gentle_nudge'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES
    ON koha_LIB.gentle_nudge_delivery TO 'gentle_nudge'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES
    ON koha_LIB.gentle_nudge_attempt TO 'gentle_nudge'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES
    ON koha_LIB.gentle_nudge_alert TO 'gentle_nudge'@'localhost';
