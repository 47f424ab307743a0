SELECT p.file_name,
       d.channel,
       d.recipient,
       d.state,
       d.attempts,
       DATE_FORMAT(COALESCE(CONVERT_TZ(d.since, '+00:00', @@session.time_zone), d.since), '%Y-%m-%d %H:%i') AS since,
       COALESCE((SELECT a.reason
                   FROM gentle_nudge_attempt a
                  WHERE a.id = (SELECT MAX(t.id) FROM gentle_nudge_attempt t WHERE t.delivery_id = d.id)),
                d.reason) AS reason
  FROM gentle_nudge_delivery d
  JOIN gentle_nudge_report p ON p.id = d.report_id
 WHERE d.state IN ('due', 'sending', 'failed')
 ORDER BY d.id
