SELECT b.cardnumber AS card,
       b.surname,
       b.firstname,
       COALESCE(h.section, 'all') AS section,
       h.reason,
       h.until AS `until`,
       DATE(COALESCE(CONVERT_TZ(h.since, '+00:00', @@session.time_zone), h.since)) AS since,
       h.source,
       h.who,
       IF(EXISTS (SELECT 1
                    FROM gentle_nudge_case c
                   WHERE c.patron = h.patron AND c.state = 'open'
                     AND (h.section IS NULL OR c.section = h.section)), 'yes', 'no') AS in_collections
  FROM gentle_nudge_hold h
  LEFT JOIN borrowers b ON b.borrowernumber = h.patron
 WHERE h.ended IS NULL
 ORDER BY h.until IS NULL, h.until, b.surname, b.firstname, h.id
