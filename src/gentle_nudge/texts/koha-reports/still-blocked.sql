SELECT b.cardnumber AS card,
       b.surname,
       b.firstname,
       c.closed_on,
       c.state AS ended_as,
       d.type AS restriction_type,
       d.comment
  FROM gentle_nudge_case c
  JOIN borrower_debarments d ON d.borrower_debarment_id = c.restriction AND d.borrowernumber = c.patron
  JOIN borrowers b ON b.borrowernumber = c.patron
 WHERE c.state IN ('released', 'paid')
   AND (d.expiration IS NULL OR d.expiration > CURDATE())
   AND NOT EXISTS (SELECT 1
                     FROM gentle_nudge_case o
                    WHERE o.patron = c.patron AND o.restriction = c.restriction
                      AND (o.state = 'open' OR o.id > c.id))
 ORDER BY c.closed_on, b.surname, b.firstname, c.id
