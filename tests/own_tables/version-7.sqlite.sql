BEGIN TRANSACTION;
CREATE TABLE gentle_nudge_alert (
	id INTEGER NOT NULL,
	kind VARCHAR(200) NOT NULL,
	day DATE NOT NULL,
	at DATETIME NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT gentle_nudge_alert_once UNIQUE (kind, day)
);
INSERT INTO "gentle_nudge_alert" VALUES(1,'cases','2026-11-22','2026-11-22 09:00:01.000000');
CREATE TABLE gentle_nudge_attempt (
	id INTEGER NOT NULL,
	delivery_id INTEGER NOT NULL,
	at DATETIME NOT NULL,
	outcome VARCHAR(20) NOT NULL,
	reason VARCHAR(1000),
	PRIMARY KEY (id),
	FOREIGN KEY(delivery_id) REFERENCES gentle_nudge_delivery (id) ON DELETE CASCADE
);
INSERT INTO "gentle_nudge_attempt" VALUES(1,1,'2026-11-15 09:00:00.000000','sent',NULL);
INSERT INTO "gentle_nudge_attempt" VALUES(2,2,'2026-11-15 09:00:00.000000','sent',NULL);
INSERT INTO "gentle_nudge_attempt" VALUES(3,3,'2026-11-15 09:00:00.000000','sent',NULL);
INSERT INTO "gentle_nudge_attempt" VALUES(4,4,'2026-11-15 09:00:00.000000','sent',NULL);
INSERT INTO "gentle_nudge_attempt" VALUES(5,5,'2026-11-15 09:00:00.000000','sent',NULL);
INSERT INTO "gentle_nudge_attempt" VALUES(6,6,'2026-11-15 09:00:00.000000','sent',NULL);
INSERT INTO "gentle_nudge_attempt" VALUES(7,7,'2026-11-22 09:00:00.000000','sent',NULL);
INSERT INTO "gentle_nudge_attempt" VALUES(8,8,'2026-11-22 09:00:00.000000','sent',NULL);
INSERT INTO "gentle_nudge_attempt" VALUES(9,9,'2026-11-22 09:00:00.000000','sent',NULL);
INSERT INTO "gentle_nudge_attempt" VALUES(10,10,'2026-11-22 09:00:00.000000','sent',NULL);
INSERT INTO "gentle_nudge_attempt" VALUES(11,11,'2026-11-22 09:00:00.000000','sent',NULL);
INSERT INTO "gentle_nudge_attempt" VALUES(12,12,'2026-11-22 09:00:00.000000','sent',NULL);
CREATE TABLE gentle_nudge_case (
	id INTEGER NOT NULL,
	section VARCHAR(100) NOT NULL,
	patron INTEGER,
	number INTEGER,
	referred_on DATE,
	adopted BOOLEAN NOT NULL,
	owed BIGINT,
	balance BIGINT,
	fee BIGINT,
	fee_line INTEGER,
	flag VARCHAR(80),
	restriction INTEGER,
	restriction_type VARCHAR(50),
	restriction_comment VARCHAR(255),
	state VARCHAR(20) NOT NULL,
	closed_on DATE,
	why VARCHAR(1000),
	last_due BIGINT,
	surname TEXT,
	firstname TEXT,
	card VARCHAR(80),
	to_report BOOLEAN NOT NULL,
	told_in INTEGER,
	opened_run INTEGER,
	closed_run INTEGER,
	closed_at DATETIME,
	closed_owing BIGINT,
	last_word BIGINT,
	forgotten DATETIME,
	used_before INTEGER DEFAULT '0' NOT NULL,
	paused_on DATE,
	branch VARCHAR(10),
	category VARCHAR(10),
	age INTEGER,
	open_key INTEGER,
	PRIMARY KEY (id),
	CONSTRAINT gentle_nudge_case_one_open UNIQUE (section, open_key),
	CONSTRAINT gentle_nudge_case_open_key CHECK ((state = 'open' AND patron IS NOT NULL AND open_key IS NOT NULL AND open_key = patron) OR (state <> 'open' AND open_key IS NULL)),
	FOREIGN KEY(told_in) REFERENCES gentle_nudge_report (id),
	FOREIGN KEY(opened_run) REFERENCES gentle_nudge_run (id),
	FOREIGN KEY(closed_run) REFERENCES gentle_nudge_run (id)
);
INSERT INTO "gentle_nudge_case" VALUES(1,'global',1,1,'2026-11-15',0,30000000,30000000,10000000,7,'sort1',1,'MANUAL','Patron sent to collections on 2026-11-15','released','2026-11-22','owes 0.00, at or below 0.00',0,'Example','Pat','20000001',0,4,1,4,'2026-11-22 09:00:00.000000',0,NULL,NULL,0,NULL,'CPL','PT',46,NULL);
INSERT INTO "gentle_nudge_case" VALUES(2,'global',2,2,'2026-11-15',0,30000000,30000000,10000000,8,'sort1',2,'MANUAL','Patron sent to collections on 2026-11-15','withdrawn','2026-11-22','the flag was taken off; owes 40.00',0,'Example','Pat','20000002',0,4,1,4,'2026-11-22 09:00:00.000000',40000000,NULL,NULL,0,NULL,'CPL','PT',46,NULL);
INSERT INTO "gentle_nudge_case" VALUES(3,'global',3,3,'2026-11-15',0,30000000,30000000,10000000,9,'sort1',3,'MANUAL','Patron sent to collections on 2026-11-15','deleted','2026-11-23','the patron is gone from Koha',0,'Example','Pat','20000003',0,5,1,5,'2026-11-23 09:00:00.000000',40000000,NULL,NULL,0,NULL,'CPL','PT',46,NULL);
INSERT INTO "gentle_nudge_case" VALUES(4,'global',4,4,'2026-11-15',0,30000000,30000000,10000000,10,'sort1',4,'MANUAL','Patron sent to collections on 2026-11-15','merged','2026-11-22','merged into patron 3, who has an open case',0,'Example','Pat','20000004',0,4,1,4,'2026-11-22 09:00:00.000000',40000000,NULL,NULL,0,NULL,'CPL','PT',46,NULL);
INSERT INTO "gentle_nudge_case" VALUES(5,'global',5,5,'2026-11-15',0,30000000,30000000,10000000,11,'sort1',5,'MANUAL','Patron sent to collections on 2026-11-15','paid','2026-11-23','the flag was taken off; owes 0.00',0,'Example','Pat','20000005',0,5,1,5,'2026-11-23 09:00:00.000000',0,NULL,NULL,0,NULL,'CPL','PT',46,NULL);
INSERT INTO "gentle_nudge_case" VALUES(6,'global',6,6,'2026-11-15',0,30000000,30000000,10000000,12,'sort1',6,'MANUAL','Patron sent to collections on 2026-11-15','open',NULL,NULL,40000000,'Example','Pat','20000006',0,1,1,NULL,NULL,NULL,NULL,NULL,0,NULL,'CPL','PT',46,6);
INSERT INTO "gentle_nudge_case" VALUES(7,'global',7,7,'2026-11-22',0,30000000,30000000,10000000,19,'sort1',8,'MANUAL','Patron sent to collections on 2026-11-22','open',NULL,NULL,40000000,'Example','Pat','20000007',0,3,3,NULL,NULL,NULL,NULL,NULL,0,NULL,'CPL','PT',46,7);
INSERT INTO "gentle_nudge_case" VALUES(8,'global',8,8,'2026-11-22',0,30000000,30000000,10000000,20,'sort1',9,'MANUAL','Patron sent to collections on 2026-11-22','open',NULL,NULL,40000000,'Example','Pat','20000008',0,3,3,NULL,NULL,NULL,NULL,NULL,0,NULL,'CPL','PT',46,8);
INSERT INTO "gentle_nudge_case" VALUES(9,'global',9,9,'2026-11-22',0,30000000,30000000,10000000,21,'sort1',10,'MANUAL','Patron sent to collections on 2026-11-22','open',NULL,NULL,40000000,'Example','Pat','20000009',0,3,3,NULL,NULL,NULL,NULL,NULL,0,NULL,'CPL','PT',46,9);
INSERT INTO "gentle_nudge_case" VALUES(10,'global',10,10,'2026-11-22',0,30000000,30000000,10000000,22,'sort1',11,'MANUAL','Patron sent to collections on 2026-11-22','open',NULL,NULL,40000000,'Example','Pat','20000010',0,3,3,NULL,NULL,NULL,NULL,NULL,0,NULL,'CPL','PT',46,10);
INSERT INTO "gentle_nudge_case" VALUES(11,'global',11,11,NULL,1,NULL,NULL,NULL,NULL,'sort1',NULL,'MANUAL',NULL,'open',NULL,NULL,1234560000,'Ünlü; 100%','Pat','20000011',0,5,5,NULL,NULL,NULL,NULL,NULL,0,NULL,'CPL','PT',NULL,11);
CREATE TABLE gentle_nudge_case_line (
	case_id INTEGER NOT NULL,
	line INTEGER NOT NULL,
	day DATE,
	type VARCHAR(80),
	outstanding BIGINT NOT NULL,
	counted BOOLEAN NOT NULL,
	last_offset INTEGER,
	due_on DATE,
	PRIMARY KEY (case_id, line),
	FOREIGN KEY(case_id) REFERENCES gentle_nudge_case (id) ON DELETE CASCADE
);
INSERT INTO "gentle_nudge_case_line" VALUES(1,1,'2026-09-01','LOST',30000000,1,1,NULL);
INSERT INTO "gentle_nudge_case_line" VALUES(2,2,'2026-09-01','LOST',30000000,1,2,NULL);
INSERT INTO "gentle_nudge_case_line" VALUES(3,3,'2026-09-01','LOST',30000000,1,3,NULL);
INSERT INTO "gentle_nudge_case_line" VALUES(4,4,'2026-09-01','LOST',30000000,1,4,NULL);
INSERT INTO "gentle_nudge_case_line" VALUES(5,5,'2026-09-01','LOST',30000000,1,5,NULL);
INSERT INTO "gentle_nudge_case_line" VALUES(6,6,'2026-09-01','LOST',30000000,1,6,NULL);
INSERT INTO "gentle_nudge_case_line" VALUES(7,15,'2026-09-08','LOST',30000000,1,17,NULL);
INSERT INTO "gentle_nudge_case_line" VALUES(8,16,'2026-09-08','LOST',30000000,1,18,NULL);
INSERT INTO "gentle_nudge_case_line" VALUES(9,17,'2026-09-08','LOST',30000000,1,19,NULL);
INSERT INTO "gentle_nudge_case_line" VALUES(10,18,'2026-09-08','LOST',30000000,1,20,NULL);
INSERT INTO "gentle_nudge_case_line" VALUES(11,27,'2025-10-18','LOST',1234560000,0,31,NULL);
CREATE TABLE gentle_nudge_case_pause (
	id INTEGER NOT NULL,
	case_id INTEGER NOT NULL,
	since DATE NOT NULL,
	until DATE,
	PRIMARY KEY (id),
	FOREIGN KEY(case_id) REFERENCES gentle_nudge_case (id) ON DELETE CASCADE
);
CREATE TABLE gentle_nudge_delivery (
	id INTEGER NOT NULL,
	report_id INTEGER NOT NULL,
	channel VARCHAR(20) NOT NULL,
	recipient VARCHAR(255) NOT NULL,
	state VARCHAR(20) NOT NULL,
	attempts INTEGER NOT NULL,
	next_attempt DATETIME NOT NULL,
	since DATETIME NOT NULL,
	queued DATETIME NOT NULL,
	first_queued DATETIME,
	reason VARCHAR(255),
	who VARCHAR(80),
	is_repeat BOOLEAN NOT NULL,
	strict BOOLEAN DEFAULT '0' NOT NULL,
	tells BOOLEAN DEFAULT '1' NOT NULL,
	named BOOLEAN DEFAULT '0' NOT NULL,
	went_to VARCHAR(255),
	PRIMARY KEY (id),
	FOREIGN KEY(report_id) REFERENCES gentle_nudge_report (id) ON DELETE CASCADE
);
INSERT INTO "gentle_nudge_delivery" VALUES(1,1,'email','reports@agency.example','sent',1,'2026-11-15 09:00:00.000000','2026-11-15 09:00:00.000000','2026-11-15 09:00:00.000000',NULL,NULL,NULL,0,0,1,0,'reports@agency.example');
INSERT INTO "gentle_nudge_delivery" VALUES(2,1,'email','copy@library.example','sent',1,'2026-11-15 09:00:00.000000','2026-11-15 09:00:00.000000','2026-11-15 09:00:00.000000',NULL,NULL,NULL,0,0,0,0,'copy@library.example');
INSERT INTO "gentle_nudge_delivery" VALUES(3,1,'file','/var/lib/gn','sent',1,'2026-11-15 09:00:00.000000','2026-11-15 09:00:00.000000','2026-11-15 09:00:00.000000',NULL,NULL,NULL,0,0,0,0,'/tmp/tmpnl_32as6/archive');
INSERT INTO "gentle_nudge_delivery" VALUES(4,2,'email','reports@agency.example','sent',1,'2026-11-15 09:00:00.000000','2026-11-15 09:00:00.000000','2026-11-15 09:00:00.000000',NULL,NULL,NULL,0,0,1,0,'reports@agency.example');
INSERT INTO "gentle_nudge_delivery" VALUES(5,2,'email','copy@library.example','sent',1,'2026-11-15 09:00:00.000000','2026-11-15 09:00:00.000000','2026-11-15 09:00:00.000000',NULL,NULL,NULL,0,0,0,0,'copy@library.example');
INSERT INTO "gentle_nudge_delivery" VALUES(6,2,'file','/var/lib/gn','sent',1,'2026-11-15 09:00:00.000000','2026-11-15 09:00:00.000000','2026-11-15 09:00:00.000000',NULL,NULL,NULL,0,0,0,0,'/tmp/tmpnl_32as6/archive');
INSERT INTO "gentle_nudge_delivery" VALUES(7,3,'email','reports@agency.example','sent',1,'2026-11-22 09:00:00.000000','2026-11-22 09:00:00.000000','2026-11-22 09:00:00.000000',NULL,NULL,NULL,0,0,1,0,'reports@agency.example');
INSERT INTO "gentle_nudge_delivery" VALUES(8,3,'email','copy@library.example','sent',1,'2026-11-22 09:00:00.000000','2026-11-22 09:00:00.000000','2026-11-22 09:00:00.000000',NULL,NULL,NULL,0,0,0,0,'copy@library.example');
INSERT INTO "gentle_nudge_delivery" VALUES(9,3,'file','/var/lib/gn','sent',1,'2026-11-22 09:00:00.000000','2026-11-22 09:00:00.000000','2026-11-22 09:00:00.000000',NULL,NULL,NULL,0,0,0,0,'/tmp/tmpnl_32as6/archive');
INSERT INTO "gentle_nudge_delivery" VALUES(10,4,'email','reports@agency.example','sent',1,'2026-11-22 09:00:00.000000','2026-11-22 09:00:00.000000','2026-11-22 09:00:00.000000',NULL,NULL,NULL,0,0,1,0,'reports@agency.example');
INSERT INTO "gentle_nudge_delivery" VALUES(11,4,'email','copy@library.example','sent',1,'2026-11-22 09:00:00.000000','2026-11-22 09:00:00.000000','2026-11-22 09:00:00.000000',NULL,NULL,NULL,0,0,0,0,'copy@library.example');
INSERT INTO "gentle_nudge_delivery" VALUES(12,4,'file','/var/lib/gn','sent',1,'2026-11-22 09:00:00.000000','2026-11-22 09:00:00.000000','2026-11-22 09:00:00.000000',NULL,NULL,NULL,0,0,0,0,'/tmp/tmpnl_32as6/archive');
INSERT INTO "gentle_nudge_delivery" VALUES(13,5,'email','reports@agency.example','due',0,'2026-11-23 09:00:00.000000','2026-11-23 09:00:00.000000','2026-11-23 09:00:00.000000',NULL,NULL,NULL,0,0,1,0,NULL);
INSERT INTO "gentle_nudge_delivery" VALUES(14,5,'email','copy@library.example','due',0,'2026-11-23 09:00:00.000000','2026-11-23 09:00:00.000000','2026-11-23 09:00:00.000000',NULL,NULL,NULL,0,0,0,0,NULL);
INSERT INTO "gentle_nudge_delivery" VALUES(15,5,'file','/var/lib/gn','due',0,'2026-11-23 09:00:00.000000','2026-11-23 09:00:00.000000','2026-11-23 09:00:00.000000',NULL,NULL,NULL,0,0,0,0,NULL);
INSERT INTO "gentle_nudge_delivery" VALUES(16,6,'email','reports@agency.example','due',0,'2026-11-23 09:00:00.000000','2026-11-23 09:00:00.000000','2026-11-23 09:00:00.000000',NULL,NULL,NULL,0,0,1,0,NULL);
INSERT INTO "gentle_nudge_delivery" VALUES(17,6,'email','copy@library.example','due',0,'2026-11-23 09:00:00.000000','2026-11-23 09:00:00.000000','2026-11-23 09:00:00.000000',NULL,NULL,NULL,0,0,0,0,NULL);
INSERT INTO "gentle_nudge_delivery" VALUES(18,6,'file','/var/lib/gn','due',0,'2026-11-23 09:00:00.000000','2026-11-23 09:00:00.000000','2026-11-23 09:00:00.000000',NULL,NULL,NULL,0,0,0,0,NULL);
CREATE TABLE gentle_nudge_hold (
	id INTEGER NOT NULL,
	patron INTEGER NOT NULL,
	section VARCHAR(100),
	reason VARCHAR(255) NOT NULL,
	note TEXT,
	until DATE,
	source VARCHAR(20) NOT NULL,
	who VARCHAR(80),
	since DATETIME NOT NULL,
	ended DATETIME,
	ended_by VARCHAR(20),
	open_key VARCHAR(130),
	PRIMARY KEY (id),
	CONSTRAINT gentle_nudge_hold_one_open UNIQUE (open_key)
);
CREATE TABLE gentle_nudge_invoice (
	id INTEGER NOT NULL,
	month VARCHAR(7) NOT NULL,
	library VARCHAR(100) NOT NULL,
	sent INTEGER NOT NULL,
	billed INTEGER NOT NULL,
	billed_twice INTEGER NOT NULL,
	never_sent INTEGER NOT NULL,
	other_month INTEGER NOT NULL,
	not_billed INTEGER NOT NULL,
	read_at DATETIME NOT NULL,
	who VARCHAR(80),
	PRIMARY KEY (id),
	CONSTRAINT gentle_nudge_invoice_once UNIQUE (month, library)
);
CREATE TABLE gentle_nudge_list (
	id INTEGER NOT NULL,
	section VARCHAR(100) NOT NULL,
	for_day DATE NOT NULL,
	made DATE NOT NULL,
	state VARCHAR(20) NOT NULL,
	who VARCHAR(80),
	at DATETIME,
	reason VARCHAR(255),
	PRIMARY KEY (id),
	CONSTRAINT gentle_nudge_list_once UNIQUE (section, for_day)
);
CREATE TABLE gentle_nudge_list_row (
	list_id INTEGER NOT NULL,
	patron INTEGER NOT NULL,
	owed BIGINT NOT NULL,
	balance BIGINT NOT NULL,
	marks VARCHAR(255) NOT NULL,
	outcome VARCHAR(20) NOT NULL,
	why VARCHAR(255),
	who VARCHAR(80),
	at DATETIME,
	PRIMARY KEY (list_id, patron),
	FOREIGN KEY(list_id) REFERENCES gentle_nudge_list (id) ON DELETE CASCADE
);
CREATE TABLE gentle_nudge_meta (
	id INTEGER NOT NULL,
	schema_version INTEGER NOT NULL,
	machine VARCHAR(255) NOT NULL,
	host VARCHAR(255) NOT NULL,
	port INTEGER NOT NULL,
	database_name VARCHAR(255) NOT NULL,
	is_copy BOOLEAN NOT NULL,
	note INTEGER NOT NULL,
	initialised DATETIME NOT NULL,
	server_uid VARCHAR(255),
	outcomes_copied DATETIME,
	PRIMARY KEY (id)
);
INSERT INTO "gentle_nudge_meta" VALUES(1,7,'m-1','db',3306,'koha_lib',0,10,'2026-11-22 09:00:00.000000','dfWv8i0z7d2SDSq3XlCXPAxsOkQ=',NULL);
CREATE TABLE gentle_nudge_night (
	id INTEGER NOT NULL,
	section VARCHAR(100) NOT NULL,
	day DATE NOT NULL,
	made DATETIME NOT NULL,
	content TEXT NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT gentle_nudge_night_once UNIQUE (section, day)
);
INSERT INTO "gentle_nudge_night" VALUES(1,'global','2026-11-15','2026-11-15 09:00:00.000000','{"section":"global","day":"2026-11-15","needs_a_person":[],"figures":{"referred":6,"balance":"180.00","fees":"60.00","released_or_paid":0,"open_cases":6,"open_due":"240.00","paused":0},"reports":[{"file_name":"ums-new-submissions-2026-11-15.csv","report":"submission","rows":6,"amount":"240.00"},{"file_name":"ums-updates-2026-11-15.csv","report":"update","rows":6,"amount":"240.00"}],"referred":[{"number":1,"library":"CPL","case":1,"balance":"30.00","fee":"10.00","due":"40.00","lines":[{"type":"LOST","count":1,"outstanding":"30.00"}]},{"number":2,"library":"CPL","case":2,"balance":"30.00","fee":"10.00","due":"40.00","lines":[{"type":"LOST","count":1,"outstanding":"30.00"}]},{"number":3,"library":"CPL","case":3,"balance":"30.00","fee":"10.00","due":"40.00","lines":[{"type":"LOST","count":1,"outstanding":"30.00"}]},{"number":4,"library":"CPL","case":4,"balance":"30.00","fee":"10.00","due":"40.00","lines":[{"type":"LOST","count":1,"outstanding":"30.00"}]},{"number":5,"library":"CPL","case":5,"balance":"30.00","fee":"10.00","due":"40.00","lines":[{"type":"LOST","count":1,"outstanding":"30.00"}]},{"number":6,"library":"CPL","case":6,"balance":"30.00","fee":"10.00","due":"40.00","lines":[{"type":"LOST","count":1,"outstanding":"30.00"}]}],"changed":[],"not_shown":0,"others":0,"others_changed":0,"list":null}');
INSERT INTO "gentle_nudge_night" VALUES(2,'global','2026-11-22','2026-11-22 09:00:00.000000','{"section":"global","day":"2026-11-22","needs_a_person":[{"kind":"withdrawn_rest","number":2,"case":2,"since":"2026-11-22","sentence":"Staff took the flag off. 40.00 stays on the account; the agency was told 0.00 and stops. Waive it, or leave it as it is.","about":""}],"figures":{"referred":4,"balance":"120.00","fees":"40.00","released_or_paid":1,"open_cases":7,"open_due":"320.00","paused":0},"reports":[{"file_name":"ums-new-submissions-2026-11-22.csv","report":"submission","rows":4,"amount":"160.00"},{"file_name":"ums-updates-2026-11-22.csv","report":"update","rows":10,"amount":"320.00"}],"referred":[{"number":7,"library":"CPL","case":7,"balance":"30.00","fee":"10.00","due":"40.00","lines":[{"type":"LOST","count":1,"outstanding":"30.00"}]},{"number":8,"library":"CPL","case":8,"balance":"30.00","fee":"10.00","due":"40.00","lines":[{"type":"LOST","count":1,"outstanding":"30.00"}]},{"number":9,"library":"CPL","case":9,"balance":"30.00","fee":"10.00","due":"40.00","lines":[{"type":"LOST","count":1,"outstanding":"30.00"}]},{"number":10,"library":"CPL","case":10,"balance":"30.00","fee":"10.00","due":"40.00","lines":[{"type":"LOST","count":1,"outstanding":"30.00"}]}],"changed":[{"outcome":"released","number":1,"case":1,"due":"0.00","sentence":"flag off, restriction lifted"},{"outcome":"withdrawn","number":2,"case":2,"due":"0.00","sentence":"withdrawn; still owes 40.00, the agency is told 0.00"},{"outcome":"merged","number":4,"case":4,"due":"0.00","sentence":"two cases became one; this one ends"}],"not_shown":0,"others":3,"others_changed":1,"list":null}');
INSERT INTO "gentle_nudge_night" VALUES(3,'global','2026-11-23','2026-11-23 09:00:00.000000','{"section":"global","day":"2026-11-23","needs_a_person":[],"figures":{"referred":0,"balance":"0.00","fees":"0.00","released_or_paid":1,"open_cases":6,"open_due":"1434.56","paused":0},"reports":[{"file_name":"ums-updates-2026-11-23.csv","report":"update","rows":8,"amount":"1434.56"}],"referred":[],"changed":[{"outcome":"deleted","number":3,"case":3,"due":"0.00","sentence":"deleted from Koha; the case ends"},{"outcome":"paid","number":5,"case":5,"due":"0.00","sentence":"paid; the flag was taken off"},{"outcome":"adopted","number":11,"case":11,"due":"1234.56","sentence":"reported from tonight on"}],"not_shown":0,"others":5,"others_changed":0,"list":null}');
CREATE TABLE gentle_nudge_notice (
	message_id INTEGER NOT NULL,
	patron INTEGER NOT NULL,
	letter VARCHAR(20) NOT NULL,
	sent_on DATE NOT NULL,
	PRIMARY KEY (message_id)
);
CREATE TABLE gentle_nudge_outcome (
	offset_id INTEGER NOT NULL,
	line INTEGER NOT NULL,
	at DATETIME NOT NULL,
	type VARCHAR(20) NOT NULL,
	amount BIGINT NOT NULL,
	credit INTEGER,
	credit_type VARCHAR(80),
	credit_amount BIGINT,
	same_item BOOLEAN NOT NULL,
	PRIMARY KEY (offset_id)
);
CREATE TABLE gentle_nudge_outcome_line (
	line INTEGER NOT NULL,
	owing BIGINT NOT NULL,
	seen_on DATE NOT NULL,
	found_on DATE,
	gone_on DATE,
	PRIMARY KEY (line)
);
CREATE TABLE gentle_nudge_passport (
	patron INTEGER NOT NULL,
	server VARCHAR(60) NOT NULL,
	first_seen DATE NOT NULL,
	last_seen DATE NOT NULL,
	not_found_since DATE,
	home TEXT NOT NULL,
	PRIMARY KEY (patron)
);
CREATE TABLE gentle_nudge_passport_log (
	id INTEGER NOT NULL,
	at DATETIME NOT NULL,
	who VARCHAR(80),
	what VARCHAR(20) NOT NULL,
	server VARCHAR(60) NOT NULL,
	patron INTEGER NOT NULL,
	columns VARCHAR(1000),
	PRIMARY KEY (id)
);
CREATE TABLE gentle_nudge_reminder (
	id INTEGER NOT NULL,
	series_id INTEGER NOT NULL,
	level INTEGER NOT NULL,
	day DATE NOT NULL,
	at DATETIME NOT NULL,
	letter VARCHAR(20) NOT NULL,
	branch VARCHAR(10) NOT NULL,
	charges BIGINT NOT NULL,
	fee BIGINT NOT NULL,
	fee_line INTEGER,
	total BIGINT NOT NULL,
	run_id INTEGER NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT gentle_nudge_reminder_once UNIQUE (series_id, level),
	FOREIGN KEY(series_id) REFERENCES gentle_nudge_series (id) ON DELETE CASCADE,
	FOREIGN KEY(run_id) REFERENCES gentle_nudge_run (id)
);
CREATE TABLE gentle_nudge_reminder_message (
	id INTEGER NOT NULL,
	reminder_id INTEGER NOT NULL,
	message INTEGER NOT NULL,
	addressee INTEGER NOT NULL,
	transport VARCHAR(20) NOT NULL,
	language VARCHAR(25) NOT NULL,
	state VARCHAR(20) NOT NULL,
	failure VARCHAR(255),
	replaces INTEGER,
	PRIMARY KEY (id),
	CONSTRAINT gentle_nudge_reminder_message_once UNIQUE (message),
	FOREIGN KEY(reminder_id) REFERENCES gentle_nudge_reminder (id) ON DELETE CASCADE
);
CREATE TABLE gentle_nudge_report (
	id INTEGER NOT NULL,
	run_id INTEGER NOT NULL,
	file_name VARCHAR(255) NOT NULL,
	size INTEGER NOT NULL,
	"rows" INTEGER NOT NULL,
	sha256 VARCHAR(64) NOT NULL,
	subject VARCHAR(500) NOT NULL,
	body TEXT NOT NULL,
	pruned_on DATE,
	PRIMARY KEY (id),
	FOREIGN KEY(run_id) REFERENCES gentle_nudge_run (id)
);
INSERT INTO "gentle_nudge_report" VALUES(1,1,'ums-new-submissions-2026-11-15.csv',740,6,'257557464898147b6987a14f34e813f646c55e40b6320a29792918e0f1b87d96','UMS New Submissions for Library','New submissions of Library, 2026-11-15

Patrons referred:      6
Balances:              180.00
Processing fees:       60.00
Balances with fees:    240.00
File:                  ums-new-submissions-2026-11-15.csv

This message was made by a program; nobody reads answers to it.
',NULL);
INSERT INTO "gentle_nudge_report" VALUES(2,2,'ums-updates-2026-11-15.csv',222,6,'f016736edcdabf3aef9f0c6eb3a1b2e58de4ff6686eea484757269ab8f2eccf7','UMS Updates for Library','Update of Library, 2026-11-15

Patrons listed:        6
Balances:              240.00
File:                  ums-updates-2026-11-15.csv

This message was made by a program; nobody reads answers to it.
',NULL);
INSERT INTO "gentle_nudge_report" VALUES(3,3,'ums-new-submissions-2026-11-22.csv',565,4,'a77ed61017a3a11af9c9ec2a2f590e4bf473ec0829e34889ae3750990d6ed038','UMS New Submissions for Library','New submissions of Library, 2026-11-22

Patrons referred:      4
Balances:              120.00
Processing fees:       40.00
Balances with fees:    160.00
File:                  ums-new-submissions-2026-11-22.csv

This message was made by a program; nobody reads answers to it.
',NULL);
INSERT INTO "gentle_nudge_report" VALUES(4,4,'ums-updates-2026-11-22.csv',336,10,'e5fe4c750ce4ea4d7d72cb6eb2d9e27979b7dde13acc3195534e309472029249','UMS Updates for Library','Update of Library, 2026-11-22

Patrons listed:        10
Balances:              320.00
File:                  ums-updates-2026-11-22.csv

This message was made by a program; nobody reads answers to it.
',NULL);
INSERT INTO "gentle_nudge_report" VALUES(5,5,'ums-updates-2026-11-23.csv',287,8,'5fe8b93d4a35e6142109ee805e4c7bf32560d0bc038416004d7ca67d713d43a5','UMS Updates for Library','Update of Library, 2026-11-23

Patrons listed:        8
Balances:              1434.56
File:                  ums-updates-2026-11-23.csv

This message was made by a program; nobody reads answers to it.
',NULL);
INSERT INTO "gentle_nudge_report" VALUES(6,6,'ums-sync-2026-11-23.csv',231,6,'e309692d65c10714b735d0edc2d7f2813cfc93093b62f19cbb235e1f9603c2f5','UMS Sync for Library','Sync of Library, 2026-11-23

Patrons listed:        6
Balances:              1434.56
File:                  ums-sync-2026-11-23.csv

This message was made by a program; nobody reads answers to it.
',NULL);
CREATE TABLE gentle_nudge_report_part (
	report_id INTEGER NOT NULL,
	part INTEGER NOT NULL,
	bytes BLOB NOT NULL,
	PRIMARY KEY (report_id, part),
	FOREIGN KEY(report_id) REFERENCES gentle_nudge_report (id) ON DELETE CASCADE
);
INSERT INTO "gentle_nudge_report_part" VALUES(1,0,X'626F72726F7765726E756D6265722C7375726E616D652C66697273746E616D652C636172646E756D6265722C616464726573732C61646472657373322C636974792C7A6970636F64652C73746174652C70686F6E652C6D6F62696C652C416C7420506820312C416C7420506820322C6272616E6368636F64652C4164756C74206F72204368696C642C646174656F6662697274682C4D6F737420726563656E74206368617267652C416D745F496E5F52616E67652C546F74616C5F4475652C546F74616C5F506C75735F4665652C656D61696C0A312C4578616D706C652C5061742C32303030303030312C2C2C2C2C2C2C2C2C2C43504C2C412C313938302D30352D30352C323032362D30392D30312030383A30303A30302C33302E30302C33302E30302C34302E30302C0A322C4578616D706C652C5061742C32303030303030322C2C2C2C2C2C2C2C2C2C43504C2C412C313938302D30352D30352C323032362D30392D30312030383A30303A30302C33302E30302C33302E30302C34302E30302C0A332C4578616D706C652C5061742C32303030303030332C2C2C2C2C2C2C2C2C2C43504C2C412C313938302D30352D30352C323032362D30392D30312030383A30303A30302C33302E30302C33302E30302C34302E30302C0A342C4578616D706C652C5061742C32303030303030342C2C2C2C2C2C2C2C2C2C43504C2C412C313938302D30352D30352C323032362D30392D30312030383A30303A30302C33302E30302C33302E30302C34302E30302C0A352C4578616D706C652C5061742C32303030303030352C2C2C2C2C2C2C2C2C2C43504C2C412C313938302D30352D30352C323032362D30392D30312030383A30303A30302C33302E30302C33302E30302C34302E30302C0A362C4578616D706C652C5061742C32303030303030362C2C2C2C2C2C2C2C2C2C43504C2C412C313938302D30352D30352C323032362D30392D30312030383A30303A30302C33302E30302C33302E30302C34302E30302C0A');
INSERT INTO "gentle_nudge_report_part" VALUES(2,0,X'626F72726F7765726E756D6265722C7375726E616D652C66697273746E616D652C636172646E756D6265722C4475650A312C4578616D706C652C5061742C32303030303030312C34302E30300A322C4578616D706C652C5061742C32303030303030322C34302E30300A332C4578616D706C652C5061742C32303030303030332C34302E30300A342C4578616D706C652C5061742C32303030303030342C34302E30300A352C4578616D706C652C5061742C32303030303030352C34302E30300A362C4578616D706C652C5061742C32303030303030362C34302E30300A');
INSERT INTO "gentle_nudge_report_part" VALUES(3,0,X'626F72726F7765726E756D6265722C7375726E616D652C66697273746E616D652C636172646E756D6265722C616464726573732C61646472657373322C636974792C7A6970636F64652C73746174652C70686F6E652C6D6F62696C652C416C7420506820312C416C7420506820322C6272616E6368636F64652C4164756C74206F72204368696C642C646174656F6662697274682C4D6F737420726563656E74206368617267652C416D745F496E5F52616E67652C546F74616C5F4475652C546F74616C5F506C75735F4665652C656D61696C0A372C4578616D706C652C5061742C32303030303030372C2C2C2C2C2C2C2C2C2C43504C2C412C313938302D30352D30352C323032362D30392D30382030383A30303A30302C33302E30302C33302E30302C34302E30302C0A382C4578616D706C652C5061742C32303030303030382C2C2C2C2C2C2C2C2C2C43504C2C412C313938302D30352D30352C323032362D30392D30382030383A30303A30302C33302E30302C33302E30302C34302E30302C0A392C4578616D706C652C5061742C32303030303030392C2C2C2C2C2C2C2C2C2C43504C2C412C313938302D30352D30352C323032362D30392D30382030383A30303A30302C33302E30302C33302E30302C34302E30302C0A31302C4578616D706C652C5061742C32303030303031302C2C2C2C2C2C2C2C2C2C43504C2C412C313938302D30352D30352C323032362D30392D30382030383A30303A30302C33302E30302C33302E30302C34302E30302C0A');
INSERT INTO "gentle_nudge_report_part" VALUES(4,0,X'626F72726F7765726E756D6265722C7375726E616D652C66697273746E616D652C636172646E756D6265722C4475650A312C4578616D706C652C5061742C32303030303030312C302E30300A322C4578616D706C652C5061742C32303030303030322C302E30300A332C4578616D706C652C5061742C32303030303030332C38302E30300A352C4578616D706C652C5061742C32303030303030352C34302E30300A362C4578616D706C652C5061742C32303030303030362C34302E30300A372C4578616D706C652C5061742C32303030303030372C34302E30300A382C4578616D706C652C5061742C32303030303030382C34302E30300A392C4578616D706C652C5061742C32303030303030392C34302E30300A31302C4578616D706C652C5061742C32303030303031302C34302E30300A342C4578616D706C652C5061742C32303030303030342C302E30300A');
INSERT INTO "gentle_nudge_report_part" VALUES(5,0,X'626F72726F7765726E756D6265722C7375726E616D652C66697273746E616D652C636172646E756D6265722C4475650A352C4578616D706C652C5061742C32303030303030352C302E30300A362C4578616D706C652C5061742C32303030303030362C34302E30300A372C4578616D706C652C5061742C32303030303030372C34302E30300A382C4578616D706C652C5061742C32303030303030382C34302E30300A392C4578616D706C652C5061742C32303030303030392C34302E30300A31302C4578616D706C652C5061742C32303030303031302C34302E30300A31312CC39C6E6CC3BC3B20313030252C5061742C32303030303031312C313233342E35360A332C4578616D706C652C5061742C32303030303030332C302E30300A');
INSERT INTO "gentle_nudge_report_part" VALUES(6,0,X'626F72726F7765726E756D6265722C7375726E616D652C66697273746E616D652C636172646E756D6265722C4475650A362C4578616D706C652C5061742C32303030303030362C34302E30300A372C4578616D706C652C5061742C32303030303030372C34302E30300A382C4578616D706C652C5061742C32303030303030382C34302E30300A392C4578616D706C652C5061742C32303030303030392C34302E30300A31302C4578616D706C652C5061742C32303030303031302C34302E30300A31312CC39C6E6CC3BC3B20313030252C5061742C32303030303031312C313233342E35360A');
CREATE TABLE gentle_nudge_report_row (
	id INTEGER NOT NULL,
	case_id INTEGER NOT NULL,
	report_id INTEGER NOT NULL,
	due BIGINT NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT gentle_nudge_report_row_once UNIQUE (report_id, case_id),
	FOREIGN KEY(case_id) REFERENCES gentle_nudge_case (id) ON DELETE CASCADE,
	FOREIGN KEY(report_id) REFERENCES gentle_nudge_report (id) ON DELETE CASCADE
);
INSERT INTO "gentle_nudge_report_row" VALUES(1,1,1,40000000);
INSERT INTO "gentle_nudge_report_row" VALUES(2,2,1,40000000);
INSERT INTO "gentle_nudge_report_row" VALUES(3,3,1,40000000);
INSERT INTO "gentle_nudge_report_row" VALUES(4,4,1,40000000);
INSERT INTO "gentle_nudge_report_row" VALUES(5,5,1,40000000);
INSERT INTO "gentle_nudge_report_row" VALUES(6,6,1,40000000);
INSERT INTO "gentle_nudge_report_row" VALUES(8,7,3,40000000);
INSERT INTO "gentle_nudge_report_row" VALUES(9,8,3,40000000);
INSERT INTO "gentle_nudge_report_row" VALUES(10,9,3,40000000);
INSERT INTO "gentle_nudge_report_row" VALUES(11,10,3,40000000);
INSERT INTO "gentle_nudge_report_row" VALUES(15,1,4,0);
INSERT INTO "gentle_nudge_report_row" VALUES(16,2,4,0);
INSERT INTO "gentle_nudge_report_row" VALUES(17,3,4,80000000);
INSERT INTO "gentle_nudge_report_row" VALUES(18,4,4,0);
INSERT INTO "gentle_nudge_report_row" VALUES(19,5,5,0);
INSERT INTO "gentle_nudge_report_row" VALUES(20,11,5,1234560000);
INSERT INTO "gentle_nudge_report_row" VALUES(21,3,5,0);
CREATE TABLE gentle_nudge_run (
	id INTEGER NOT NULL,
	section VARCHAR(100) NOT NULL,
	report VARCHAR(20) NOT NULL,
	day DATE NOT NULL,
	number INTEGER NOT NULL,
	started DATETIME NOT NULL,
	finished DATETIME,
	late BOOLEAN NOT NULL,
	amount BIGINT DEFAULT '0' NOT NULL,
	fees BIGINT DEFAULT '0' NOT NULL,
	who VARCHAR(80),
	PRIMARY KEY (id),
	CONSTRAINT gentle_nudge_run_once UNIQUE (section, report, day, number)
);
INSERT INTO "gentle_nudge_run" VALUES(1,'global','submission','2026-11-15',1,'2026-11-15 09:00:00.000000','2026-11-15 09:00:00.000000',0,180000000,60000000,NULL);
INSERT INTO "gentle_nudge_run" VALUES(2,'global','update','2026-11-15',1,'2026-11-15 09:00:00.000000','2026-11-15 09:00:00.000000',0,240000000,0,NULL);
INSERT INTO "gentle_nudge_run" VALUES(3,'global','submission','2026-11-22',1,'2026-11-22 09:00:00.000000','2026-11-22 09:00:00.000000',0,120000000,40000000,NULL);
INSERT INTO "gentle_nudge_run" VALUES(4,'global','update','2026-11-22',1,'2026-11-22 09:00:00.000000','2026-11-22 09:00:00.000000',0,320000000,0,NULL);
INSERT INTO "gentle_nudge_run" VALUES(5,'global','update','2026-11-23',1,'2026-11-23 09:00:00.000000','2026-11-23 09:00:00.000000',0,1434560000,0,NULL);
INSERT INTO "gentle_nudge_run" VALUES(6,'global','sync','2026-11-23',1,'2026-11-23 09:00:00.000000','2026-11-23 09:00:00.000000',0,1434560000,0,'ann');
CREATE TABLE gentle_nudge_run_count (
	run INTEGER NOT NULL,
	what VARCHAR(80) NOT NULL,
	number INTEGER NOT NULL,
	PRIMARY KEY (run, what),
	FOREIGN KEY(run) REFERENCES gentle_nudge_run (id) ON DELETE CASCADE
);
INSERT INTO "gentle_nudge_run_count" VALUES(1,'patrons',6);
INSERT INTO "gentle_nudge_run_count" VALUES(1,'referred',6);
INSERT INTO "gentle_nudge_run_count" VALUES(2,'patrons',6);
INSERT INTO "gentle_nudge_run_count" VALUES(3,'patrons',4);
INSERT INTO "gentle_nudge_run_count" VALUES(3,'referred',4);
INSERT INTO "gentle_nudge_run_count" VALUES(4,'merged',1);
INSERT INTO "gentle_nudge_run_count" VALUES(4,'patrons',10);
INSERT INTO "gentle_nudge_run_count" VALUES(4,'released',1);
INSERT INTO "gentle_nudge_run_count" VALUES(4,'withdrawn',1);
INSERT INTO "gentle_nudge_run_count" VALUES(5,'adopted',1);
INSERT INTO "gentle_nudge_run_count" VALUES(5,'deleted',1);
INSERT INTO "gentle_nudge_run_count" VALUES(5,'paid',1);
INSERT INTO "gentle_nudge_run_count" VALUES(5,'patrons',8);
INSERT INTO "gentle_nudge_run_count" VALUES(6,'patrons',6);
CREATE TABLE gentle_nudge_series (
	id INTEGER NOT NULL,
	section VARCHAR(100) NOT NULL,
	patron INTEGER NOT NULL,
	since DATE NOT NULL,
	opened_on DATE NOT NULL,
	state VARCHAR(20) NOT NULL,
	closed_on DATE,
	why VARCHAR(1000),
	who VARCHAR(80),
	used_before INTEGER DEFAULT '0' NOT NULL,
	restriction INTEGER,
	restriction_type VARCHAR(50),
	restriction_comment VARCHAR(255),
	lifted_on DATE,
	open_key INTEGER,
	PRIMARY KEY (id),
	CONSTRAINT gentle_nudge_series_one_open UNIQUE (section, open_key)
);
CREATE TABLE gentle_nudge_wish (
	id INTEGER NOT NULL,
	door VARCHAR(20) NOT NULL,
	origin VARCHAR(64) NOT NULL,
	what VARCHAR(20) NOT NULL,
	section VARCHAR(100),
	list_day DATE,
	patron INTEGER,
	reason VARCHAR(255),
	until DATE,
	note TEXT,
	who VARCHAR(80) NOT NULL,
	at DATETIME NOT NULL,
	taken_at DATETIME,
	done BOOLEAN,
	answer VARCHAR(1000),
	PRIMARY KEY (id),
	CONSTRAINT gentle_nudge_wish_once UNIQUE (door, origin)
);
CREATE INDEX gentle_nudge_outcome_of_line ON gentle_nudge_outcome (line);
CREATE INDEX gentle_nudge_wish_taken ON gentle_nudge_wish (taken_at);
CREATE INDEX gentle_nudge_wish_patron ON gentle_nudge_wish (patron);
CREATE INDEX gentle_nudge_hold_patron ON gentle_nudge_hold (patron);
CREATE INDEX gentle_nudge_notice_patron ON gentle_nudge_notice (patron, letter, sent_on);
CREATE INDEX gentle_nudge_series_patron ON gentle_nudge_series (patron);
CREATE INDEX gentle_nudge_passport_log_patron ON gentle_nudge_passport_log (patron);
CREATE INDEX gentle_nudge_passport_log_at ON gentle_nudge_passport_log (at);
CREATE INDEX gentle_nudge_list_row_patron ON gentle_nudge_list_row (patron);
CREATE INDEX gentle_nudge_reminder_fee ON gentle_nudge_reminder (fee_line);
CREATE INDEX gentle_nudge_case_to_report ON gentle_nudge_case (to_report);
CREATE INDEX gentle_nudge_case_card ON gentle_nudge_case (card);
CREATE INDEX gentle_nudge_case_number ON gentle_nudge_case (number);
CREATE INDEX gentle_nudge_case_state ON gentle_nudge_case (section, state);
CREATE INDEX gentle_nudge_case_patron ON gentle_nudge_case (patron);
CREATE INDEX gentle_nudge_delivery_next ON gentle_nudge_delivery (state, next_attempt);
CREATE INDEX gentle_nudge_delivery_stream ON gentle_nudge_delivery (channel, recipient, report_id);
CREATE INDEX gentle_nudge_reminder_message_state ON gentle_nudge_reminder_message (state);
CREATE INDEX gentle_nudge_case_line_line ON gentle_nudge_case_line (line);
CREATE INDEX gentle_nudge_case_pause_case ON gentle_nudge_case_pause (case_id);
CREATE INDEX gentle_nudge_report_row_case ON gentle_nudge_report_row (case_id);
COMMIT;
