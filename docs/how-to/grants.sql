-- The database user 'gentle_nudge_LIB'@'localhost' of Gentle Nudge, with the rights that its configuration needs.
-- Made by gentle-nudge grants. Run this as an administrator of the database, as often as you like.
-- gentle-nudge check names every missing right.

-- 1. The user. A new one is locked until it gets a password:
--    ALTER USER 'gentle_nudge_LIB'@'localhost' IDENTIFIED BY '...' ACCOUNT UNLOCK;

CREATE USER IF NOT EXISTS 'gentle_nudge_LIB'@'localhost' ACCOUNT LOCK;

-- 2. Reading. In borrowers only the columns that are used: no password hashes, no notes, no messages.

GRANT SELECT
    ON `koha_LIB`.`account_credit_types` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT
    ON `koha_LIB`.`account_debit_types` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT
    ON `koha_LIB`.`account_offsets` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT
    ON `koha_LIB`.`accountlines` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT
    ON `koha_LIB`.`action_logs` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT
    ON `koha_LIB`.`authorised_values` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT
    ON `koha_LIB`.`biblio` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT
    ON `koha_LIB`.`borrower_attribute_types` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT
    ON `koha_LIB`.`borrower_attributes` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT
    ON `koha_LIB`.`borrower_debarments` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT
    ON `koha_LIB`.`borrower_message_preferences` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT
    ON `koha_LIB`.`borrower_message_transport_preferences` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT
    ON `koha_LIB`.`borrower_relationships` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT (B_address, B_address2, B_city, B_country, B_email, B_state, B_streetnumber, B_streettype, B_zipcode,
    anonymized, country, emailpro, flags, lang, protected, streetnumber, streettype, title, borrowernumber,
    cardnumber, surname, firstname, address, address2, city, zipcode, state, phone, mobile, phonepro, B_phone,
    email, branchcode, categorycode, sort1, sort2, debarredcomment, userid, dateofbirth, debarred, gonenoaddress,
    updated_on, dateexpiry)
    ON `koha_LIB`.`borrowers` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT
    ON `koha_LIB`.`branches` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT
    ON `koha_LIB`.`categories` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT
    ON `koha_LIB`.`circulation_rules` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT (borrowernumber)
    ON `koha_LIB`.`deletedborrowers` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT (issue_id, date_due, borrowernumber, branchcode, itemnumber)
    ON `koha_LIB`.`issues` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT
    ON `koha_LIB`.`items` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT
    ON `koha_LIB`.`itemtypes` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT
    ON `koha_LIB`.`letter` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT
    ON `koha_LIB`.`library_closure_exceptions` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT
    ON `koha_LIB`.`library_groups` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT
    ON `koha_LIB`.`library_repeating_closures` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT
    ON `koha_LIB`.`library_single_closures` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT
    ON `koha_LIB`.`library_weekly_closures` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT
    ON `koha_LIB`.`message_attributes` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT (failure_code, message_transport_type, time_queued, message_id, borrowernumber, letter_code, status,
    updated_on)
    ON `koha_LIB`.`message_queue` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT (issue_id, date_due)
    ON `koha_LIB`.`old_issues` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT
    ON `koha_LIB`.`plugin_data` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT
    ON `koha_LIB`.`plugin_methods` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT
    ON `koha_LIB`.`reserves` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT
    ON `koha_LIB`.`restriction_types` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT (borrowernumber, id, itemnumber, resolved_on)
    ON `koha_LIB`.`return_claims` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT
    ON `koha_LIB`.`smtp_servers` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT
    ON `koha_LIB`.`systempreferences` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT
    ON `koha_LIB`.`user_permissions` TO 'gentle_nudge_LIB'@'localhost';

-- 3. Writing into Koha: flag, restriction, fee and its waiver, and Koha's own log. In Koha's tables only restrictions can
--    be deleted. Account lines can be added. In an existing line only the outstanding amount can be changed.

GRANT INSERT
    ON `koha_LIB`.`account_offsets` TO 'gentle_nudge_LIB'@'localhost';
GRANT INSERT
    ON `koha_LIB`.`accountlines` TO 'gentle_nudge_LIB'@'localhost';
GRANT UPDATE (amountoutstanding)
    ON `koha_LIB`.`accountlines` TO 'gentle_nudge_LIB'@'localhost';
GRANT INSERT
    ON `koha_LIB`.`action_logs` TO 'gentle_nudge_LIB'@'localhost';
GRANT INSERT
    ON `koha_LIB`.`borrower_attributes` TO 'gentle_nudge_LIB'@'localhost';
GRANT UPDATE (attribute)
    ON `koha_LIB`.`borrower_attributes` TO 'gentle_nudge_LIB'@'localhost';
GRANT DELETE
    ON `koha_LIB`.`borrower_debarments` TO 'gentle_nudge_LIB'@'localhost';
GRANT INSERT
    ON `koha_LIB`.`borrower_debarments` TO 'gentle_nudge_LIB'@'localhost';
GRANT UPDATE (expiration, created, updated)
    ON `koha_LIB`.`borrower_debarments` TO 'gentle_nudge_LIB'@'localhost';
GRANT INSERT
    ON `koha_LIB`.`borrower_message_preferences` TO 'gentle_nudge_LIB'@'localhost';
GRANT INSERT
    ON `koha_LIB`.`borrower_message_transport_preferences` TO 'gentle_nudge_LIB'@'localhost';
GRANT INSERT
    ON `koha_LIB`.`borrowers` TO 'gentle_nudge_LIB'@'localhost';
GRANT UPDATE (sort1, sort2, debarred, debarredcomment, updated_on, streetnumber, streettype, address, address2, city,
    state, zipcode, country, phone, mobile, phonepro, email, emailpro, B_streetnumber, B_streettype, B_address,
    B_address2, B_city, B_state, B_zipcode, B_country, B_phone, B_email)
    ON `koha_LIB`.`borrowers` TO 'gentle_nudge_LIB'@'localhost';
GRANT INSERT
    ON `koha_LIB`.`message_queue` TO 'gentle_nudge_LIB'@'localhost';

-- 4. Our own tables. Only init uses CREATE, ALTER, INDEX and REFERENCES, at the beginning and after an upgrade of the
--    program. You may revoke them in between.

GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES
    ON `koha_LIB`.`gentle_nudge_alert` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES
    ON `koha_LIB`.`gentle_nudge_hold` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES
    ON `koha_LIB`.`gentle_nudge_invoice` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES
    ON `koha_LIB`.`gentle_nudge_list` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES
    ON `koha_LIB`.`gentle_nudge_meta` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES
    ON `koha_LIB`.`gentle_nudge_night` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES
    ON `koha_LIB`.`gentle_nudge_notice` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES
    ON `koha_LIB`.`gentle_nudge_outcome` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES
    ON `koha_LIB`.`gentle_nudge_outcome_line` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES
    ON `koha_LIB`.`gentle_nudge_passport` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES
    ON `koha_LIB`.`gentle_nudge_passport_log` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES
    ON `koha_LIB`.`gentle_nudge_run` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES
    ON `koha_LIB`.`gentle_nudge_series` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES
    ON `koha_LIB`.`gentle_nudge_wish` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES
    ON `koha_LIB`.`gentle_nudge_list_row` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES
    ON `koha_LIB`.`gentle_nudge_reminder` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES
    ON `koha_LIB`.`gentle_nudge_report` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES
    ON `koha_LIB`.`gentle_nudge_run_count` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES
    ON `koha_LIB`.`gentle_nudge_case` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES
    ON `koha_LIB`.`gentle_nudge_delivery` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES
    ON `koha_LIB`.`gentle_nudge_reminder_message` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES
    ON `koha_LIB`.`gentle_nudge_report_part` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES
    ON `koha_LIB`.`gentle_nudge_attempt` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES
    ON `koha_LIB`.`gentle_nudge_case_line` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES
    ON `koha_LIB`.`gentle_nudge_case_pause` TO 'gentle_nudge_LIB'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES
    ON `koha_LIB`.`gentle_nudge_report_row` TO 'gentle_nudge_LIB'@'localhost';
