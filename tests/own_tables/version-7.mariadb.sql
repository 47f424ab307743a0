SET foreign_key_checks = 0;
CREATE TABLE `gentle_nudge_alert` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `kind` varchar(200) NOT NULL,
  `day` date NOT NULL,
  `at` datetime(6) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `gentle_nudge_alert_once` (`kind`,`day`)
) ENGINE=InnoDB AUTO_INCREMENT=2 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci ROW_FORMAT=DYNAMIC;
INSERT INTO `gentle_nudge_alert` VALUES (1, 'cases', '2026-11-22', '2026-11-22 09:00:01');
CREATE TABLE `gentle_nudge_attempt` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `delivery_id` int(11) NOT NULL,
  `at` datetime(6) NOT NULL,
  `outcome` varchar(20) NOT NULL,
  `reason` varchar(1000) DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `delivery_id` (`delivery_id`),
  CONSTRAINT `gentle_nudge_attempt_ibfk_1` FOREIGN KEY (`delivery_id`) REFERENCES `gentle_nudge_delivery` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB AUTO_INCREMENT=13 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci ROW_FORMAT=DYNAMIC;
INSERT INTO `gentle_nudge_attempt` VALUES (1, 1, '2026-11-15 09:00:00', 'sent', NULL);
INSERT INTO `gentle_nudge_attempt` VALUES (2, 2, '2026-11-15 09:00:00', 'sent', NULL);
INSERT INTO `gentle_nudge_attempt` VALUES (3, 3, '2026-11-15 09:00:00', 'sent', NULL);
INSERT INTO `gentle_nudge_attempt` VALUES (4, 4, '2026-11-15 09:00:00', 'sent', NULL);
INSERT INTO `gentle_nudge_attempt` VALUES (5, 5, '2026-11-15 09:00:00', 'sent', NULL);
INSERT INTO `gentle_nudge_attempt` VALUES (6, 6, '2026-11-15 09:00:00', 'sent', NULL);
INSERT INTO `gentle_nudge_attempt` VALUES (7, 7, '2026-11-22 09:00:00', 'sent', NULL);
INSERT INTO `gentle_nudge_attempt` VALUES (8, 8, '2026-11-22 09:00:00', 'sent', NULL);
INSERT INTO `gentle_nudge_attempt` VALUES (9, 9, '2026-11-22 09:00:00', 'sent', NULL);
INSERT INTO `gentle_nudge_attempt` VALUES (10, 10, '2026-11-22 09:00:00', 'sent', NULL);
INSERT INTO `gentle_nudge_attempt` VALUES (11, 11, '2026-11-22 09:00:00', 'sent', NULL);
INSERT INTO `gentle_nudge_attempt` VALUES (12, 12, '2026-11-22 09:00:00', 'sent', NULL);
CREATE TABLE `gentle_nudge_case` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `section` varchar(100) NOT NULL,
  `patron` int(11) DEFAULT NULL,
  `number` int(11) DEFAULT NULL,
  `referred_on` date DEFAULT NULL,
  `adopted` tinyint(1) NOT NULL,
  `owed` decimal(28,6) DEFAULT NULL,
  `balance` decimal(28,6) DEFAULT NULL,
  `fee` decimal(28,6) DEFAULT NULL,
  `fee_line` int(11) DEFAULT NULL,
  `flag` varchar(80) DEFAULT NULL,
  `restriction` int(11) DEFAULT NULL,
  `restriction_type` varchar(50) DEFAULT NULL,
  `restriction_comment` varchar(255) DEFAULT NULL,
  `state` varchar(20) NOT NULL,
  `closed_on` date DEFAULT NULL,
  `why` varchar(1000) DEFAULT NULL,
  `last_due` decimal(28,6) DEFAULT NULL,
  `surname` text DEFAULT NULL,
  `firstname` text DEFAULT NULL,
  `card` varchar(80) DEFAULT NULL,
  `to_report` tinyint(1) NOT NULL,
  `told_in` int(11) DEFAULT NULL,
  `opened_run` int(11) DEFAULT NULL,
  `closed_run` int(11) DEFAULT NULL,
  `closed_at` datetime(6) DEFAULT NULL,
  `closed_owing` decimal(28,6) DEFAULT NULL,
  `last_word` decimal(28,6) DEFAULT NULL,
  `forgotten` datetime(6) DEFAULT NULL,
  `used_before` int(11) NOT NULL DEFAULT 0,
  `paused_on` date DEFAULT NULL,
  `branch` varchar(10) DEFAULT NULL,
  `category` varchar(10) DEFAULT NULL,
  `age` int(11) DEFAULT NULL,
  `open_key` int(11) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `gentle_nudge_case_one_open` (`section`,`open_key`),
  KEY `told_in` (`told_in`),
  KEY `opened_run` (`opened_run`),
  KEY `closed_run` (`closed_run`),
  KEY `gentle_nudge_case_to_report` (`to_report`),
  KEY `gentle_nudge_case_card` (`card`),
  KEY `gentle_nudge_case_number` (`number`),
  KEY `gentle_nudge_case_state` (`section`,`state`),
  KEY `gentle_nudge_case_patron` (`patron`),
  CONSTRAINT `gentle_nudge_case_ibfk_1` FOREIGN KEY (`told_in`) REFERENCES `gentle_nudge_report` (`id`),
  CONSTRAINT `gentle_nudge_case_ibfk_2` FOREIGN KEY (`opened_run`) REFERENCES `gentle_nudge_run` (`id`),
  CONSTRAINT `gentle_nudge_case_ibfk_3` FOREIGN KEY (`closed_run`) REFERENCES `gentle_nudge_run` (`id`),
  CONSTRAINT `gentle_nudge_case_open_key` CHECK (`state` = 'open' and `patron` is not null and `open_key` is not null and `open_key` = `patron` or `state` <> 'open' and `open_key` is null)
) ENGINE=InnoDB AUTO_INCREMENT=12 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci ROW_FORMAT=DYNAMIC;
INSERT INTO `gentle_nudge_case` VALUES (1, 'global', 1, 1, '2026-11-15', 0, 30.000000, 30.000000, 10.000000, 7, 'sort1', 1, 'MANUAL', 'Patron sent to collections on 2026-11-15', 'released', '2026-11-22', 'owes 0.00, at or below 0.00', 0.000000, 'Example', 'Pat', '20000001', 0, 4, 1, 4, '2026-11-22 09:00:00', 0.000000, NULL, NULL, 0, NULL, 'CPL', 'PT', 46, NULL);
INSERT INTO `gentle_nudge_case` VALUES (2, 'global', 2, 2, '2026-11-15', 0, 30.000000, 30.000000, 10.000000, 8, 'sort1', 2, 'MANUAL', 'Patron sent to collections on 2026-11-15', 'withdrawn', '2026-11-22', 'the flag was taken off; owes 40.00', 0.000000, 'Example', 'Pat', '20000002', 0, 4, 1, 4, '2026-11-22 09:00:00', 40.000000, NULL, NULL, 0, NULL, 'CPL', 'PT', 46, NULL);
INSERT INTO `gentle_nudge_case` VALUES (3, 'global', 3, 3, '2026-11-15', 0, 30.000000, 30.000000, 10.000000, 9, 'sort1', 3, 'MANUAL', 'Patron sent to collections on 2026-11-15', 'deleted', '2026-11-23', 'the patron is gone from Koha', 0.000000, 'Example', 'Pat', '20000003', 0, 5, 1, 5, '2026-11-23 09:00:00', 40.000000, NULL, NULL, 0, NULL, 'CPL', 'PT', 46, NULL);
INSERT INTO `gentle_nudge_case` VALUES (4, 'global', 4, 4, '2026-11-15', 0, 30.000000, 30.000000, 10.000000, 10, 'sort1', 4, 'MANUAL', 'Patron sent to collections on 2026-11-15', 'merged', '2026-11-22', 'merged into patron 3, who has an open case', 0.000000, 'Example', 'Pat', '20000004', 0, 4, 1, 4, '2026-11-22 09:00:00', 40.000000, NULL, NULL, 0, NULL, 'CPL', 'PT', 46, NULL);
INSERT INTO `gentle_nudge_case` VALUES (5, 'global', 5, 5, '2026-11-15', 0, 30.000000, 30.000000, 10.000000, 11, 'sort1', 5, 'MANUAL', 'Patron sent to collections on 2026-11-15', 'paid', '2026-11-23', 'the flag was taken off; owes 0.00', 0.000000, 'Example', 'Pat', '20000005', 0, 5, 1, 5, '2026-11-23 09:00:00', 0.000000, NULL, NULL, 0, NULL, 'CPL', 'PT', 46, NULL);
INSERT INTO `gentle_nudge_case` VALUES (6, 'global', 6, 6, '2026-11-15', 0, 30.000000, 30.000000, 10.000000, 12, 'sort1', 6, 'MANUAL', 'Patron sent to collections on 2026-11-15', 'open', NULL, NULL, 40.000000, 'Example', 'Pat', '20000006', 0, 1, 1, NULL, NULL, NULL, NULL, NULL, 0, NULL, 'CPL', 'PT', 46, 6);
INSERT INTO `gentle_nudge_case` VALUES (7, 'global', 7, 7, '2026-11-22', 0, 30.000000, 30.000000, 10.000000, 19, 'sort1', 8, 'MANUAL', 'Patron sent to collections on 2026-11-22', 'open', NULL, NULL, 40.000000, 'Example', 'Pat', '20000007', 0, 3, 3, NULL, NULL, NULL, NULL, NULL, 0, NULL, 'CPL', 'PT', 46, 7);
INSERT INTO `gentle_nudge_case` VALUES (8, 'global', 8, 8, '2026-11-22', 0, 30.000000, 30.000000, 10.000000, 20, 'sort1', 9, 'MANUAL', 'Patron sent to collections on 2026-11-22', 'open', NULL, NULL, 40.000000, 'Example', 'Pat', '20000008', 0, 3, 3, NULL, NULL, NULL, NULL, NULL, 0, NULL, 'CPL', 'PT', 46, 8);
INSERT INTO `gentle_nudge_case` VALUES (9, 'global', 9, 9, '2026-11-22', 0, 30.000000, 30.000000, 10.000000, 21, 'sort1', 10, 'MANUAL', 'Patron sent to collections on 2026-11-22', 'open', NULL, NULL, 40.000000, 'Example', 'Pat', '20000009', 0, 3, 3, NULL, NULL, NULL, NULL, NULL, 0, NULL, 'CPL', 'PT', 46, 9);
INSERT INTO `gentle_nudge_case` VALUES (10, 'global', 10, 10, '2026-11-22', 0, 30.000000, 30.000000, 10.000000, 22, 'sort1', 11, 'MANUAL', 'Patron sent to collections on 2026-11-22', 'open', NULL, NULL, 40.000000, 'Example', 'Pat', '20000010', 0, 3, 3, NULL, NULL, NULL, NULL, NULL, 0, NULL, 'CPL', 'PT', 46, 10);
INSERT INTO `gentle_nudge_case` VALUES (11, 'global', 11, 11, NULL, 1, NULL, NULL, NULL, NULL, 'sort1', NULL, 'MANUAL', NULL, 'open', NULL, NULL, 1234.560000, 'Ünlü; 100%', 'Pat', '20000011', 0, 5, 5, NULL, NULL, NULL, NULL, NULL, 0, NULL, 'CPL', 'PT', NULL, 11);
CREATE TABLE `gentle_nudge_case_line` (
  `case_id` int(11) NOT NULL,
  `line` int(11) NOT NULL,
  `day` date DEFAULT NULL,
  `type` varchar(80) DEFAULT NULL,
  `outstanding` decimal(28,6) NOT NULL,
  `counted` tinyint(1) NOT NULL,
  `last_offset` int(11) DEFAULT NULL,
  `due_on` date DEFAULT NULL,
  PRIMARY KEY (`case_id`,`line`),
  KEY `gentle_nudge_case_line_line` (`line`),
  CONSTRAINT `gentle_nudge_case_line_ibfk_1` FOREIGN KEY (`case_id`) REFERENCES `gentle_nudge_case` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci ROW_FORMAT=DYNAMIC;
INSERT INTO `gentle_nudge_case_line` VALUES (1, 1, '2026-09-01', 'LOST', 30.000000, 1, 1, NULL);
INSERT INTO `gentle_nudge_case_line` VALUES (2, 2, '2026-09-01', 'LOST', 30.000000, 1, 2, NULL);
INSERT INTO `gentle_nudge_case_line` VALUES (3, 3, '2026-09-01', 'LOST', 30.000000, 1, 3, NULL);
INSERT INTO `gentle_nudge_case_line` VALUES (4, 4, '2026-09-01', 'LOST', 30.000000, 1, 4, NULL);
INSERT INTO `gentle_nudge_case_line` VALUES (5, 5, '2026-09-01', 'LOST', 30.000000, 1, 5, NULL);
INSERT INTO `gentle_nudge_case_line` VALUES (6, 6, '2026-09-01', 'LOST', 30.000000, 1, 6, NULL);
INSERT INTO `gentle_nudge_case_line` VALUES (7, 15, '2026-09-08', 'LOST', 30.000000, 1, 17, NULL);
INSERT INTO `gentle_nudge_case_line` VALUES (8, 16, '2026-09-08', 'LOST', 30.000000, 1, 18, NULL);
INSERT INTO `gentle_nudge_case_line` VALUES (9, 17, '2026-09-08', 'LOST', 30.000000, 1, 19, NULL);
INSERT INTO `gentle_nudge_case_line` VALUES (10, 18, '2026-09-08', 'LOST', 30.000000, 1, 20, NULL);
INSERT INTO `gentle_nudge_case_line` VALUES (11, 27, '2025-10-18', 'LOST', 1234.560000, 0, 31, NULL);
CREATE TABLE `gentle_nudge_case_pause` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `case_id` int(11) NOT NULL,
  `since` date NOT NULL,
  `until` date DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `gentle_nudge_case_pause_case` (`case_id`),
  CONSTRAINT `gentle_nudge_case_pause_ibfk_1` FOREIGN KEY (`case_id`) REFERENCES `gentle_nudge_case` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci ROW_FORMAT=DYNAMIC;
CREATE TABLE `gentle_nudge_delivery` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `report_id` int(11) NOT NULL,
  `channel` varchar(20) NOT NULL,
  `recipient` varchar(255) NOT NULL,
  `state` varchar(20) NOT NULL,
  `attempts` int(11) NOT NULL,
  `next_attempt` datetime(6) NOT NULL,
  `since` datetime(6) NOT NULL,
  `queued` datetime(6) NOT NULL,
  `first_queued` datetime(6) DEFAULT NULL,
  `reason` varchar(255) DEFAULT NULL,
  `who` varchar(80) DEFAULT NULL,
  `is_repeat` tinyint(1) NOT NULL,
  `strict` tinyint(1) NOT NULL DEFAULT 0,
  `tells` tinyint(1) NOT NULL DEFAULT 1,
  `named` tinyint(1) NOT NULL DEFAULT 0,
  `went_to` varchar(255) DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `report_id` (`report_id`),
  KEY `gentle_nudge_delivery_next` (`state`,`next_attempt`),
  KEY `gentle_nudge_delivery_stream` (`channel`,`recipient`,`report_id`),
  CONSTRAINT `gentle_nudge_delivery_ibfk_1` FOREIGN KEY (`report_id`) REFERENCES `gentle_nudge_report` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB AUTO_INCREMENT=19 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci ROW_FORMAT=DYNAMIC;
INSERT INTO `gentle_nudge_delivery` VALUES (1, 1, 'email', 'reports@agency.example', 'sent', 1, '2026-11-15 09:00:00', '2026-11-15 09:00:00', '2026-11-15 09:00:00', NULL, NULL, NULL, 0, 0, 1, 0, 'reports@agency.example');
INSERT INTO `gentle_nudge_delivery` VALUES (2, 1, 'email', 'copy@library.example', 'sent', 1, '2026-11-15 09:00:00', '2026-11-15 09:00:00', '2026-11-15 09:00:00', NULL, NULL, NULL, 0, 0, 0, 0, 'copy@library.example');
INSERT INTO `gentle_nudge_delivery` VALUES (3, 1, 'file', '/var/lib/gn', 'sent', 1, '2026-11-15 09:00:00', '2026-11-15 09:00:00', '2026-11-15 09:00:00', NULL, NULL, NULL, 0, 0, 0, 0, '/tmp/tmpnl_32as6/archive');
INSERT INTO `gentle_nudge_delivery` VALUES (4, 2, 'email', 'reports@agency.example', 'sent', 1, '2026-11-15 09:00:00', '2026-11-15 09:00:00', '2026-11-15 09:00:00', NULL, NULL, NULL, 0, 0, 1, 0, 'reports@agency.example');
INSERT INTO `gentle_nudge_delivery` VALUES (5, 2, 'email', 'copy@library.example', 'sent', 1, '2026-11-15 09:00:00', '2026-11-15 09:00:00', '2026-11-15 09:00:00', NULL, NULL, NULL, 0, 0, 0, 0, 'copy@library.example');
INSERT INTO `gentle_nudge_delivery` VALUES (6, 2, 'file', '/var/lib/gn', 'sent', 1, '2026-11-15 09:00:00', '2026-11-15 09:00:00', '2026-11-15 09:00:00', NULL, NULL, NULL, 0, 0, 0, 0, '/tmp/tmpnl_32as6/archive');
INSERT INTO `gentle_nudge_delivery` VALUES (7, 3, 'email', 'reports@agency.example', 'sent', 1, '2026-11-22 09:00:00', '2026-11-22 09:00:00', '2026-11-22 09:00:00', NULL, NULL, NULL, 0, 0, 1, 0, 'reports@agency.example');
INSERT INTO `gentle_nudge_delivery` VALUES (8, 3, 'email', 'copy@library.example', 'sent', 1, '2026-11-22 09:00:00', '2026-11-22 09:00:00', '2026-11-22 09:00:00', NULL, NULL, NULL, 0, 0, 0, 0, 'copy@library.example');
INSERT INTO `gentle_nudge_delivery` VALUES (9, 3, 'file', '/var/lib/gn', 'sent', 1, '2026-11-22 09:00:00', '2026-11-22 09:00:00', '2026-11-22 09:00:00', NULL, NULL, NULL, 0, 0, 0, 0, '/tmp/tmpnl_32as6/archive');
INSERT INTO `gentle_nudge_delivery` VALUES (10, 4, 'email', 'reports@agency.example', 'sent', 1, '2026-11-22 09:00:00', '2026-11-22 09:00:00', '2026-11-22 09:00:00', NULL, NULL, NULL, 0, 0, 1, 0, 'reports@agency.example');
INSERT INTO `gentle_nudge_delivery` VALUES (11, 4, 'email', 'copy@library.example', 'sent', 1, '2026-11-22 09:00:00', '2026-11-22 09:00:00', '2026-11-22 09:00:00', NULL, NULL, NULL, 0, 0, 0, 0, 'copy@library.example');
INSERT INTO `gentle_nudge_delivery` VALUES (12, 4, 'file', '/var/lib/gn', 'sent', 1, '2026-11-22 09:00:00', '2026-11-22 09:00:00', '2026-11-22 09:00:00', NULL, NULL, NULL, 0, 0, 0, 0, '/tmp/tmpnl_32as6/archive');
INSERT INTO `gentle_nudge_delivery` VALUES (13, 5, 'email', 'reports@agency.example', 'due', 0, '2026-11-23 09:00:00', '2026-11-23 09:00:00', '2026-11-23 09:00:00', NULL, NULL, NULL, 0, 0, 1, 0, NULL);
INSERT INTO `gentle_nudge_delivery` VALUES (14, 5, 'email', 'copy@library.example', 'due', 0, '2026-11-23 09:00:00', '2026-11-23 09:00:00', '2026-11-23 09:00:00', NULL, NULL, NULL, 0, 0, 0, 0, NULL);
INSERT INTO `gentle_nudge_delivery` VALUES (15, 5, 'file', '/var/lib/gn', 'due', 0, '2026-11-23 09:00:00', '2026-11-23 09:00:00', '2026-11-23 09:00:00', NULL, NULL, NULL, 0, 0, 0, 0, NULL);
INSERT INTO `gentle_nudge_delivery` VALUES (16, 6, 'email', 'reports@agency.example', 'due', 0, '2026-11-23 09:00:00', '2026-11-23 09:00:00', '2026-11-23 09:00:00', NULL, NULL, NULL, 0, 0, 1, 0, NULL);
INSERT INTO `gentle_nudge_delivery` VALUES (17, 6, 'email', 'copy@library.example', 'due', 0, '2026-11-23 09:00:00', '2026-11-23 09:00:00', '2026-11-23 09:00:00', NULL, NULL, NULL, 0, 0, 0, 0, NULL);
INSERT INTO `gentle_nudge_delivery` VALUES (18, 6, 'file', '/var/lib/gn', 'due', 0, '2026-11-23 09:00:00', '2026-11-23 09:00:00', '2026-11-23 09:00:00', NULL, NULL, NULL, 0, 0, 0, 0, NULL);
CREATE TABLE `gentle_nudge_hold` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `patron` int(11) NOT NULL,
  `section` varchar(100) DEFAULT NULL,
  `reason` varchar(255) NOT NULL,
  `note` text DEFAULT NULL,
  `until` date DEFAULT NULL,
  `source` varchar(20) NOT NULL,
  `who` varchar(80) DEFAULT NULL,
  `since` datetime(6) NOT NULL,
  `ended` datetime(6) DEFAULT NULL,
  `ended_by` varchar(20) DEFAULT NULL,
  `open_key` varchar(130) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `gentle_nudge_hold_one_open` (`open_key`),
  KEY `gentle_nudge_hold_patron` (`patron`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci ROW_FORMAT=DYNAMIC;
CREATE TABLE `gentle_nudge_invoice` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `month` varchar(7) NOT NULL,
  `library` varchar(100) NOT NULL,
  `sent` int(11) NOT NULL,
  `billed` int(11) NOT NULL,
  `billed_twice` int(11) NOT NULL,
  `never_sent` int(11) NOT NULL,
  `other_month` int(11) NOT NULL,
  `not_billed` int(11) NOT NULL,
  `read_at` datetime(6) NOT NULL,
  `who` varchar(80) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `gentle_nudge_invoice_once` (`month`,`library`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci ROW_FORMAT=DYNAMIC;
CREATE TABLE `gentle_nudge_list` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `section` varchar(100) NOT NULL,
  `for_day` date NOT NULL,
  `made` date NOT NULL,
  `state` varchar(20) NOT NULL,
  `who` varchar(80) DEFAULT NULL,
  `at` datetime(6) DEFAULT NULL,
  `reason` varchar(255) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `gentle_nudge_list_once` (`section`,`for_day`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci ROW_FORMAT=DYNAMIC;
CREATE TABLE `gentle_nudge_list_row` (
  `list_id` int(11) NOT NULL,
  `patron` int(11) NOT NULL,
  `owed` decimal(28,6) NOT NULL,
  `balance` decimal(28,6) NOT NULL,
  `marks` varchar(255) NOT NULL,
  `outcome` varchar(20) NOT NULL,
  `why` varchar(255) DEFAULT NULL,
  `who` varchar(80) DEFAULT NULL,
  `at` datetime(6) DEFAULT NULL,
  PRIMARY KEY (`list_id`,`patron`),
  KEY `gentle_nudge_list_row_patron` (`patron`),
  CONSTRAINT `gentle_nudge_list_row_ibfk_1` FOREIGN KEY (`list_id`) REFERENCES `gentle_nudge_list` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci ROW_FORMAT=DYNAMIC;
CREATE TABLE `gentle_nudge_meta` (
  `id` int(11) NOT NULL,
  `schema_version` int(11) NOT NULL,
  `machine` varchar(255) NOT NULL,
  `host` varchar(255) NOT NULL,
  `port` int(11) NOT NULL,
  `database_name` varchar(255) NOT NULL,
  `is_copy` tinyint(1) NOT NULL,
  `note` int(11) NOT NULL,
  `initialised` datetime(6) NOT NULL,
  `server_uid` varchar(255) DEFAULT NULL,
  `outcomes_copied` datetime(6) DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci ROW_FORMAT=DYNAMIC;
INSERT INTO `gentle_nudge_meta` VALUES (1, 7, 'm-1', 'db', 3306, 'koha_lib', 0, 10, '2026-11-22 09:00:00', 'dfWv8i0z7d2SDSq3XlCXPAxsOkQ=', NULL);
CREATE TABLE `gentle_nudge_night` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `section` varchar(100) NOT NULL,
  `day` date NOT NULL,
  `made` datetime(6) NOT NULL,
  `content` mediumtext NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `gentle_nudge_night_once` (`section`,`day`)
) ENGINE=InnoDB AUTO_INCREMENT=4 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci ROW_FORMAT=DYNAMIC;
INSERT INTO `gentle_nudge_night` VALUES (1, 'global', '2026-11-15', '2026-11-15 09:00:00', '{"section":"global","day":"2026-11-15","needs_a_person":[],"figures":{"referred":6,"balance":"180.00","fees":"60.00","released_or_paid":0,"open_cases":6,"open_due":"240.00","paused":0},"reports":[{"file_name":"ums-new-submissions-2026-11-15.csv","report":"submission","rows":6,"amount":"240.00"},{"file_name":"ums-updates-2026-11-15.csv","report":"update","rows":6,"amount":"240.00"}],"referred":[{"number":1,"library":"CPL","case":1,"balance":"30.00","fee":"10.00","due":"40.00","lines":[{"type":"LOST","count":1,"outstanding":"30.00"}]},{"number":2,"library":"CPL","case":2,"balance":"30.00","fee":"10.00","due":"40.00","lines":[{"type":"LOST","count":1,"outstanding":"30.00"}]},{"number":3,"library":"CPL","case":3,"balance":"30.00","fee":"10.00","due":"40.00","lines":[{"type":"LOST","count":1,"outstanding":"30.00"}]},{"number":4,"library":"CPL","case":4,"balance":"30.00","fee":"10.00","due":"40.00","lines":[{"type":"LOST","count":1,"outstanding":"30.00"}]},{"number":5,"library":"CPL","case":5,"balance":"30.00","fee":"10.00","due":"40.00","lines":[{"type":"LOST","count":1,"outstanding":"30.00"}]},{"number":6,"library":"CPL","case":6,"balance":"30.00","fee":"10.00","due":"40.00","lines":[{"type":"LOST","count":1,"outstanding":"30.00"}]}],"changed":[],"not_shown":0,"others":0,"others_changed":0,"list":null}');
INSERT INTO `gentle_nudge_night` VALUES (2, 'global', '2026-11-22', '2026-11-22 09:00:00', '{"section":"global","day":"2026-11-22","needs_a_person":[{"kind":"withdrawn_rest","number":2,"case":2,"since":"2026-11-22","sentence":"Staff took the flag off. 40.00 stays on the account; the agency was told 0.00 and stops. Waive it, or leave it as it is.","about":""}],"figures":{"referred":4,"balance":"120.00","fees":"40.00","released_or_paid":1,"open_cases":7,"open_due":"320.00","paused":0},"reports":[{"file_name":"ums-new-submissions-2026-11-22.csv","report":"submission","rows":4,"amount":"160.00"},{"file_name":"ums-updates-2026-11-22.csv","report":"update","rows":10,"amount":"320.00"}],"referred":[{"number":7,"library":"CPL","case":7,"balance":"30.00","fee":"10.00","due":"40.00","lines":[{"type":"LOST","count":1,"outstanding":"30.00"}]},{"number":8,"library":"CPL","case":8,"balance":"30.00","fee":"10.00","due":"40.00","lines":[{"type":"LOST","count":1,"outstanding":"30.00"}]},{"number":9,"library":"CPL","case":9,"balance":"30.00","fee":"10.00","due":"40.00","lines":[{"type":"LOST","count":1,"outstanding":"30.00"}]},{"number":10,"library":"CPL","case":10,"balance":"30.00","fee":"10.00","due":"40.00","lines":[{"type":"LOST","count":1,"outstanding":"30.00"}]}],"changed":[{"outcome":"released","number":1,"case":1,"due":"0.00","sentence":"flag off, restriction lifted"},{"outcome":"withdrawn","number":2,"case":2,"due":"0.00","sentence":"withdrawn; still owes 40.00, the agency is told 0.00"},{"outcome":"merged","number":4,"case":4,"due":"0.00","sentence":"two cases became one; this one ends"}],"not_shown":0,"others":3,"others_changed":1,"list":null}');
INSERT INTO `gentle_nudge_night` VALUES (3, 'global', '2026-11-23', '2026-11-23 09:00:00', '{"section":"global","day":"2026-11-23","needs_a_person":[],"figures":{"referred":0,"balance":"0.00","fees":"0.00","released_or_paid":1,"open_cases":6,"open_due":"1434.56","paused":0},"reports":[{"file_name":"ums-updates-2026-11-23.csv","report":"update","rows":8,"amount":"1434.56"}],"referred":[],"changed":[{"outcome":"deleted","number":3,"case":3,"due":"0.00","sentence":"deleted from Koha; the case ends"},{"outcome":"paid","number":5,"case":5,"due":"0.00","sentence":"paid; the flag was taken off"},{"outcome":"adopted","number":11,"case":11,"due":"1234.56","sentence":"reported from tonight on"}],"not_shown":0,"others":5,"others_changed":0,"list":null}');
CREATE TABLE `gentle_nudge_notice` (
  `message_id` int(11) NOT NULL,
  `patron` int(11) NOT NULL,
  `letter` varchar(20) NOT NULL,
  `sent_on` date NOT NULL,
  PRIMARY KEY (`message_id`),
  KEY `gentle_nudge_notice_patron` (`patron`,`letter`,`sent_on`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci ROW_FORMAT=DYNAMIC;
CREATE TABLE `gentle_nudge_outcome` (
  `offset_id` int(11) NOT NULL,
  `line` int(11) NOT NULL,
  `at` datetime(6) NOT NULL,
  `type` varchar(20) NOT NULL,
  `amount` decimal(28,6) NOT NULL,
  `credit` int(11) DEFAULT NULL,
  `credit_type` varchar(80) DEFAULT NULL,
  `credit_amount` decimal(28,6) DEFAULT NULL,
  `same_item` tinyint(1) NOT NULL,
  PRIMARY KEY (`offset_id`),
  KEY `gentle_nudge_outcome_of_line` (`line`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci ROW_FORMAT=DYNAMIC;
CREATE TABLE `gentle_nudge_outcome_line` (
  `line` int(11) NOT NULL,
  `owing` decimal(28,6) NOT NULL,
  `seen_on` date NOT NULL,
  `found_on` date DEFAULT NULL,
  `gone_on` date DEFAULT NULL,
  PRIMARY KEY (`line`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci ROW_FORMAT=DYNAMIC;
CREATE TABLE `gentle_nudge_passport` (
  `patron` int(11) NOT NULL,
  `server` varchar(60) NOT NULL,
  `first_seen` date NOT NULL,
  `last_seen` date NOT NULL,
  `not_found_since` date DEFAULT NULL,
  `home` text NOT NULL,
  PRIMARY KEY (`patron`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci ROW_FORMAT=DYNAMIC;
CREATE TABLE `gentle_nudge_passport_log` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `at` datetime(6) NOT NULL,
  `who` varchar(80) DEFAULT NULL,
  `what` varchar(20) NOT NULL,
  `server` varchar(60) NOT NULL,
  `patron` int(11) NOT NULL,
  `columns` varchar(1000) DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `gentle_nudge_passport_log_patron` (`patron`),
  KEY `gentle_nudge_passport_log_at` (`at`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci ROW_FORMAT=DYNAMIC;
CREATE TABLE `gentle_nudge_reminder` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `series_id` int(11) NOT NULL,
  `level` int(11) NOT NULL,
  `day` date NOT NULL,
  `at` datetime(6) NOT NULL,
  `letter` varchar(20) NOT NULL,
  `branch` varchar(10) NOT NULL,
  `charges` decimal(28,6) NOT NULL,
  `fee` decimal(28,6) NOT NULL,
  `fee_line` int(11) DEFAULT NULL,
  `total` decimal(28,6) NOT NULL,
  `run_id` int(11) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `gentle_nudge_reminder_once` (`series_id`,`level`),
  KEY `run_id` (`run_id`),
  KEY `gentle_nudge_reminder_fee` (`fee_line`),
  CONSTRAINT `gentle_nudge_reminder_ibfk_1` FOREIGN KEY (`series_id`) REFERENCES `gentle_nudge_series` (`id`) ON DELETE CASCADE,
  CONSTRAINT `gentle_nudge_reminder_ibfk_2` FOREIGN KEY (`run_id`) REFERENCES `gentle_nudge_run` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci ROW_FORMAT=DYNAMIC;
CREATE TABLE `gentle_nudge_reminder_message` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `reminder_id` int(11) NOT NULL,
  `message` int(11) NOT NULL,
  `addressee` int(11) NOT NULL,
  `transport` varchar(20) NOT NULL,
  `language` varchar(25) NOT NULL,
  `state` varchar(20) NOT NULL,
  `failure` varchar(255) DEFAULT NULL,
  `replaces` int(11) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `gentle_nudge_reminder_message_once` (`message`),
  KEY `reminder_id` (`reminder_id`),
  KEY `gentle_nudge_reminder_message_state` (`state`),
  CONSTRAINT `gentle_nudge_reminder_message_ibfk_1` FOREIGN KEY (`reminder_id`) REFERENCES `gentle_nudge_reminder` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci ROW_FORMAT=DYNAMIC;
CREATE TABLE `gentle_nudge_report` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `run_id` int(11) NOT NULL,
  `file_name` varchar(255) NOT NULL,
  `size` int(11) NOT NULL,
  `rows` int(11) NOT NULL,
  `sha256` varchar(64) NOT NULL,
  `subject` varchar(500) NOT NULL,
  `body` text NOT NULL,
  `pruned_on` date DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `run_id` (`run_id`),
  CONSTRAINT `gentle_nudge_report_ibfk_1` FOREIGN KEY (`run_id`) REFERENCES `gentle_nudge_run` (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci ROW_FORMAT=DYNAMIC;
INSERT INTO `gentle_nudge_report` VALUES (1, 1, 'ums-new-submissions-2026-11-15.csv', 740, 6, '257557464898147b6987a14f34e813f646c55e40b6320a29792918e0f1b87d96', 'UMS New Submissions for Library', 'New submissions of Library, 2026-11-15\n\nPatrons referred:      6\nBalances:              180.00\nProcessing fees:       60.00\nBalances with fees:    240.00\nFile:                  ums-new-submissions-2026-11-15.csv\n\nThis message was made by a program; nobody reads answers to it.\n', NULL);
INSERT INTO `gentle_nudge_report` VALUES (2, 2, 'ums-updates-2026-11-15.csv', 222, 6, 'f016736edcdabf3aef9f0c6eb3a1b2e58de4ff6686eea484757269ab8f2eccf7', 'UMS Updates for Library', 'Update of Library, 2026-11-15\n\nPatrons listed:        6\nBalances:              240.00\nFile:                  ums-updates-2026-11-15.csv\n\nThis message was made by a program; nobody reads answers to it.\n', NULL);
INSERT INTO `gentle_nudge_report` VALUES (3, 3, 'ums-new-submissions-2026-11-22.csv', 565, 4, 'a77ed61017a3a11af9c9ec2a2f590e4bf473ec0829e34889ae3750990d6ed038', 'UMS New Submissions for Library', 'New submissions of Library, 2026-11-22\n\nPatrons referred:      4\nBalances:              120.00\nProcessing fees:       40.00\nBalances with fees:    160.00\nFile:                  ums-new-submissions-2026-11-22.csv\n\nThis message was made by a program; nobody reads answers to it.\n', NULL);
INSERT INTO `gentle_nudge_report` VALUES (4, 4, 'ums-updates-2026-11-22.csv', 336, 10, 'e5fe4c750ce4ea4d7d72cb6eb2d9e27979b7dde13acc3195534e309472029249', 'UMS Updates for Library', 'Update of Library, 2026-11-22\n\nPatrons listed:        10\nBalances:              320.00\nFile:                  ums-updates-2026-11-22.csv\n\nThis message was made by a program; nobody reads answers to it.\n', NULL);
INSERT INTO `gentle_nudge_report` VALUES (5, 5, 'ums-updates-2026-11-23.csv', 287, 8, '5fe8b93d4a35e6142109ee805e4c7bf32560d0bc038416004d7ca67d713d43a5', 'UMS Updates for Library', 'Update of Library, 2026-11-23\n\nPatrons listed:        8\nBalances:              1434.56\nFile:                  ums-updates-2026-11-23.csv\n\nThis message was made by a program; nobody reads answers to it.\n', NULL);
INSERT INTO `gentle_nudge_report` VALUES (6, 6, 'ums-sync-2026-11-23.csv', 231, 6, 'e309692d65c10714b735d0edc2d7f2813cfc93093b62f19cbb235e1f9603c2f5', 'UMS Sync for Library', 'Sync of Library, 2026-11-23\n\nPatrons listed:        6\nBalances:              1434.56\nFile:                  ums-sync-2026-11-23.csv\n\nThis message was made by a program; nobody reads answers to it.\n', NULL);
CREATE TABLE `gentle_nudge_report_part` (
  `report_id` int(11) NOT NULL,
  `part` int(11) NOT NULL,
  `bytes` mediumblob NOT NULL,
  PRIMARY KEY (`report_id`,`part`),
  CONSTRAINT `gentle_nudge_report_part_ibfk_1` FOREIGN KEY (`report_id`) REFERENCES `gentle_nudge_report` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci ROW_FORMAT=DYNAMIC;
INSERT INTO `gentle_nudge_report_part` VALUES (1, 0, X'626f72726f7765726e756d6265722c7375726e616d652c66697273746e616d652c636172646e756d6265722c616464726573732c61646472657373322c636974792c7a6970636f64652c73746174652c70686f6e652c6d6f62696c652c416c7420506820312c416c7420506820322c6272616e6368636f64652c4164756c74206f72204368696c642c646174656f6662697274682c4d6f737420726563656e74206368617267652c416d745f496e5f52616e67652c546f74616c5f4475652c546f74616c5f506c75735f4665652c656d61696c0a312c4578616d706c652c5061742c32303030303030312c2c2c2c2c2c2c2c2c2c43504c2c412c313938302d30352d30352c323032362d30392d30312030383a30303a30302c33302e30302c33302e30302c34302e30302c0a322c4578616d706c652c5061742c32303030303030322c2c2c2c2c2c2c2c2c2c43504c2c412c313938302d30352d30352c323032362d30392d30312030383a30303a30302c33302e30302c33302e30302c34302e30302c0a332c4578616d706c652c5061742c32303030303030332c2c2c2c2c2c2c2c2c2c43504c2c412c313938302d30352d30352c323032362d30392d30312030383a30303a30302c33302e30302c33302e30302c34302e30302c0a342c4578616d706c652c5061742c32303030303030342c2c2c2c2c2c2c2c2c2c43504c2c412c313938302d30352d30352c323032362d30392d30312030383a30303a30302c33302e30302c33302e30302c34302e30302c0a352c4578616d706c652c5061742c32303030303030352c2c2c2c2c2c2c2c2c2c43504c2c412c313938302d30352d30352c323032362d30392d30312030383a30303a30302c33302e30302c33302e30302c34302e30302c0a362c4578616d706c652c5061742c32303030303030362c2c2c2c2c2c2c2c2c2c43504c2c412c313938302d30352d30352c323032362d30392d30312030383a30303a30302c33302e30302c33302e30302c34302e30302c0a');
INSERT INTO `gentle_nudge_report_part` VALUES (2, 0, X'626f72726f7765726e756d6265722c7375726e616d652c66697273746e616d652c636172646e756d6265722c4475650a312c4578616d706c652c5061742c32303030303030312c34302e30300a322c4578616d706c652c5061742c32303030303030322c34302e30300a332c4578616d706c652c5061742c32303030303030332c34302e30300a342c4578616d706c652c5061742c32303030303030342c34302e30300a352c4578616d706c652c5061742c32303030303030352c34302e30300a362c4578616d706c652c5061742c32303030303030362c34302e30300a');
INSERT INTO `gentle_nudge_report_part` VALUES (3, 0, X'626f72726f7765726e756d6265722c7375726e616d652c66697273746e616d652c636172646e756d6265722c616464726573732c61646472657373322c636974792c7a6970636f64652c73746174652c70686f6e652c6d6f62696c652c416c7420506820312c416c7420506820322c6272616e6368636f64652c4164756c74206f72204368696c642c646174656f6662697274682c4d6f737420726563656e74206368617267652c416d745f496e5f52616e67652c546f74616c5f4475652c546f74616c5f506c75735f4665652c656d61696c0a372c4578616d706c652c5061742c32303030303030372c2c2c2c2c2c2c2c2c2c43504c2c412c313938302d30352d30352c323032362d30392d30382030383a30303a30302c33302e30302c33302e30302c34302e30302c0a382c4578616d706c652c5061742c32303030303030382c2c2c2c2c2c2c2c2c2c43504c2c412c313938302d30352d30352c323032362d30392d30382030383a30303a30302c33302e30302c33302e30302c34302e30302c0a392c4578616d706c652c5061742c32303030303030392c2c2c2c2c2c2c2c2c2c43504c2c412c313938302d30352d30352c323032362d30392d30382030383a30303a30302c33302e30302c33302e30302c34302e30302c0a31302c4578616d706c652c5061742c32303030303031302c2c2c2c2c2c2c2c2c2c43504c2c412c313938302d30352d30352c323032362d30392d30382030383a30303a30302c33302e30302c33302e30302c34302e30302c0a');
INSERT INTO `gentle_nudge_report_part` VALUES (4, 0, X'626f72726f7765726e756d6265722c7375726e616d652c66697273746e616d652c636172646e756d6265722c4475650a312c4578616d706c652c5061742c32303030303030312c302e30300a322c4578616d706c652c5061742c32303030303030322c302e30300a332c4578616d706c652c5061742c32303030303030332c38302e30300a352c4578616d706c652c5061742c32303030303030352c34302e30300a362c4578616d706c652c5061742c32303030303030362c34302e30300a372c4578616d706c652c5061742c32303030303030372c34302e30300a382c4578616d706c652c5061742c32303030303030382c34302e30300a392c4578616d706c652c5061742c32303030303030392c34302e30300a31302c4578616d706c652c5061742c32303030303031302c34302e30300a342c4578616d706c652c5061742c32303030303030342c302e30300a');
INSERT INTO `gentle_nudge_report_part` VALUES (5, 0, X'626f72726f7765726e756d6265722c7375726e616d652c66697273746e616d652c636172646e756d6265722c4475650a352c4578616d706c652c5061742c32303030303030352c302e30300a362c4578616d706c652c5061742c32303030303030362c34302e30300a372c4578616d706c652c5061742c32303030303030372c34302e30300a382c4578616d706c652c5061742c32303030303030382c34302e30300a392c4578616d706c652c5061742c32303030303030392c34302e30300a31302c4578616d706c652c5061742c32303030303031302c34302e30300a31312cc39c6e6cc3bc3b20313030252c5061742c32303030303031312c313233342e35360a332c4578616d706c652c5061742c32303030303030332c302e30300a');
INSERT INTO `gentle_nudge_report_part` VALUES (6, 0, X'626f72726f7765726e756d6265722c7375726e616d652c66697273746e616d652c636172646e756d6265722c4475650a362c4578616d706c652c5061742c32303030303030362c34302e30300a372c4578616d706c652c5061742c32303030303030372c34302e30300a382c4578616d706c652c5061742c32303030303030382c34302e30300a392c4578616d706c652c5061742c32303030303030392c34302e30300a31302c4578616d706c652c5061742c32303030303031302c34302e30300a31312cc39c6e6cc3bc3b20313030252c5061742c32303030303031312c313233342e35360a');
CREATE TABLE `gentle_nudge_report_row` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `case_id` int(11) NOT NULL,
  `report_id` int(11) NOT NULL,
  `due` decimal(28,6) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `gentle_nudge_report_row_once` (`report_id`,`case_id`),
  KEY `gentle_nudge_report_row_case` (`case_id`),
  CONSTRAINT `gentle_nudge_report_row_ibfk_1` FOREIGN KEY (`case_id`) REFERENCES `gentle_nudge_case` (`id`) ON DELETE CASCADE,
  CONSTRAINT `gentle_nudge_report_row_ibfk_2` FOREIGN KEY (`report_id`) REFERENCES `gentle_nudge_report` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB AUTO_INCREMENT=22 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci ROW_FORMAT=DYNAMIC;
INSERT INTO `gentle_nudge_report_row` VALUES (1, 1, 1, 40.000000);
INSERT INTO `gentle_nudge_report_row` VALUES (2, 2, 1, 40.000000);
INSERT INTO `gentle_nudge_report_row` VALUES (3, 3, 1, 40.000000);
INSERT INTO `gentle_nudge_report_row` VALUES (4, 4, 1, 40.000000);
INSERT INTO `gentle_nudge_report_row` VALUES (5, 5, 1, 40.000000);
INSERT INTO `gentle_nudge_report_row` VALUES (6, 6, 1, 40.000000);
INSERT INTO `gentle_nudge_report_row` VALUES (8, 7, 3, 40.000000);
INSERT INTO `gentle_nudge_report_row` VALUES (9, 8, 3, 40.000000);
INSERT INTO `gentle_nudge_report_row` VALUES (10, 9, 3, 40.000000);
INSERT INTO `gentle_nudge_report_row` VALUES (11, 10, 3, 40.000000);
INSERT INTO `gentle_nudge_report_row` VALUES (15, 1, 4, 0.000000);
INSERT INTO `gentle_nudge_report_row` VALUES (16, 2, 4, 0.000000);
INSERT INTO `gentle_nudge_report_row` VALUES (17, 3, 4, 80.000000);
INSERT INTO `gentle_nudge_report_row` VALUES (18, 4, 4, 0.000000);
INSERT INTO `gentle_nudge_report_row` VALUES (19, 5, 5, 0.000000);
INSERT INTO `gentle_nudge_report_row` VALUES (20, 11, 5, 1234.560000);
INSERT INTO `gentle_nudge_report_row` VALUES (21, 3, 5, 0.000000);
CREATE TABLE `gentle_nudge_run` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `section` varchar(100) NOT NULL,
  `report` varchar(20) NOT NULL,
  `day` date NOT NULL,
  `number` int(11) NOT NULL,
  `started` datetime(6) NOT NULL,
  `finished` datetime(6) DEFAULT NULL,
  `late` tinyint(1) NOT NULL,
  `amount` decimal(28,6) NOT NULL DEFAULT 0.000000,
  `fees` decimal(28,6) NOT NULL DEFAULT 0.000000,
  `who` varchar(80) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `gentle_nudge_run_once` (`section`,`report`,`day`,`number`)
) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci ROW_FORMAT=DYNAMIC;
INSERT INTO `gentle_nudge_run` VALUES (1, 'global', 'submission', '2026-11-15', 1, '2026-11-15 09:00:00', '2026-11-15 09:00:00', 0, 180.000000, 60.000000, NULL);
INSERT INTO `gentle_nudge_run` VALUES (2, 'global', 'update', '2026-11-15', 1, '2026-11-15 09:00:00', '2026-11-15 09:00:00', 0, 240.000000, 0.000000, NULL);
INSERT INTO `gentle_nudge_run` VALUES (3, 'global', 'submission', '2026-11-22', 1, '2026-11-22 09:00:00', '2026-11-22 09:00:00', 0, 120.000000, 40.000000, NULL);
INSERT INTO `gentle_nudge_run` VALUES (4, 'global', 'update', '2026-11-22', 1, '2026-11-22 09:00:00', '2026-11-22 09:00:00', 0, 320.000000, 0.000000, NULL);
INSERT INTO `gentle_nudge_run` VALUES (5, 'global', 'update', '2026-11-23', 1, '2026-11-23 09:00:00', '2026-11-23 09:00:00', 0, 1434.560000, 0.000000, NULL);
INSERT INTO `gentle_nudge_run` VALUES (6, 'global', 'sync', '2026-11-23', 1, '2026-11-23 09:00:00', '2026-11-23 09:00:00', 0, 1434.560000, 0.000000, 'ann');
CREATE TABLE `gentle_nudge_run_count` (
  `run` int(11) NOT NULL,
  `what` varchar(80) NOT NULL,
  `number` int(11) NOT NULL,
  PRIMARY KEY (`run`,`what`),
  CONSTRAINT `gentle_nudge_run_count_ibfk_1` FOREIGN KEY (`run`) REFERENCES `gentle_nudge_run` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci ROW_FORMAT=DYNAMIC;
INSERT INTO `gentle_nudge_run_count` VALUES (1, 'patrons', 6);
INSERT INTO `gentle_nudge_run_count` VALUES (1, 'referred', 6);
INSERT INTO `gentle_nudge_run_count` VALUES (2, 'patrons', 6);
INSERT INTO `gentle_nudge_run_count` VALUES (3, 'patrons', 4);
INSERT INTO `gentle_nudge_run_count` VALUES (3, 'referred', 4);
INSERT INTO `gentle_nudge_run_count` VALUES (4, 'merged', 1);
INSERT INTO `gentle_nudge_run_count` VALUES (4, 'patrons', 10);
INSERT INTO `gentle_nudge_run_count` VALUES (4, 'released', 1);
INSERT INTO `gentle_nudge_run_count` VALUES (4, 'withdrawn', 1);
INSERT INTO `gentle_nudge_run_count` VALUES (5, 'adopted', 1);
INSERT INTO `gentle_nudge_run_count` VALUES (5, 'deleted', 1);
INSERT INTO `gentle_nudge_run_count` VALUES (5, 'paid', 1);
INSERT INTO `gentle_nudge_run_count` VALUES (5, 'patrons', 8);
INSERT INTO `gentle_nudge_run_count` VALUES (6, 'patrons', 6);
CREATE TABLE `gentle_nudge_series` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `section` varchar(100) NOT NULL,
  `patron` int(11) NOT NULL,
  `since` date NOT NULL,
  `opened_on` date NOT NULL,
  `state` varchar(20) NOT NULL,
  `closed_on` date DEFAULT NULL,
  `why` varchar(1000) DEFAULT NULL,
  `who` varchar(80) DEFAULT NULL,
  `used_before` int(11) NOT NULL DEFAULT 0,
  `restriction` int(11) DEFAULT NULL,
  `restriction_type` varchar(50) DEFAULT NULL,
  `restriction_comment` varchar(255) DEFAULT NULL,
  `lifted_on` date DEFAULT NULL,
  `open_key` int(11) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `gentle_nudge_series_one_open` (`section`,`open_key`),
  KEY `gentle_nudge_series_patron` (`patron`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci ROW_FORMAT=DYNAMIC;
CREATE TABLE `gentle_nudge_wish` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `door` varchar(20) NOT NULL,
  `origin` varchar(64) NOT NULL,
  `what` varchar(20) NOT NULL,
  `section` varchar(100) DEFAULT NULL,
  `list_day` date DEFAULT NULL,
  `patron` int(11) DEFAULT NULL,
  `reason` varchar(255) DEFAULT NULL,
  `until` date DEFAULT NULL,
  `note` text DEFAULT NULL,
  `who` varchar(80) NOT NULL,
  `at` datetime(6) NOT NULL,
  `taken_at` datetime(6) DEFAULT NULL,
  `done` tinyint(1) DEFAULT NULL,
  `answer` varchar(1000) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `gentle_nudge_wish_once` (`door`,`origin`),
  KEY `gentle_nudge_wish_taken` (`taken_at`),
  KEY `gentle_nudge_wish_patron` (`patron`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci ROW_FORMAT=DYNAMIC;
SET foreign_key_checks = 1;
