SELECT c.id AS `case`,
       CASE k.kind WHEN 1 THEN c.referred_on WHEN 2 THEN r.day WHEN 3 THEN h.since ELSE c.closed_on END AS day,
       CASE k.kind WHEN 1 THEN IF(c.adopted, 'adopted', 'referred')
                   WHEN 2 THEN CONCAT('told by ', r.report)
                   WHEN 3 THEN 'paused'
                   ELSE CONCAT('closed: ', c.state) END AS what,
       ROUND(CASE k.kind WHEN 1 THEN c.balance WHEN 2 THEN t.due WHEN 4 THEN c.closed_owing END, 2) AS amount
  FROM gentle_nudge_case c
  LEFT JOIN borrowers b ON b.borrowernumber = c.patron
   AND c.used_before >= (SELECT COUNT(*) FROM deletedborrowers d WHERE d.borrowernumber = c.patron)
  JOIN (SELECT 1 AS kind UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4) k
  LEFT JOIN gentle_nudge_report_row t ON k.kind = 2 AND t.case_id = c.id
  LEFT JOIN gentle_nudge_case_pause h ON k.kind = 3 AND h.case_id = c.id
  LEFT JOIN gentle_nudge_report p ON p.id = t.report_id
  LEFT JOIN gentle_nudge_run r ON r.id = p.run_id
 WHERE COALESCE(b.cardnumber, c.card) = <<Card number>>
   AND CASE k.kind WHEN 2 THEN t.id WHEN 3 THEN h.id WHEN 4 THEN c.closed_on ELSE 1 END IS NOT NULL
 ORDER BY c.id, day, k.kind, t.id, h.id
