{# In the order of our own columns: in that of Koha's, every page would add up the lines of all cases first. #}
SELECT COALESCE(b.cardnumber, c.card) AS card,
       COALESCE(b.surname, c.surname) AS surname,
       COALESCE(b.firstname, c.firstname) AS firstname,
       b.branchcode AS library,
       c.section,
       c.referred_on,
       ROUND(c.balance, 2) AS balance_then,
       (SELECT ROUND(COALESCE(SUM(a.amountoutstanding), 0), 2)
          FROM accountlines a
         WHERE a.borrowernumber = b.borrowernumber) AS balance_now,
       ROUND(c.last_due, 2) AS last_told,
       (SELECT IF(COUNT(*) = COUNT(h.until), MAX(h.until), 'no end')
          FROM gentle_nudge_hold h
         WHERE h.patron = c.patron AND h.ended IS NULL
           AND (h.section IS NULL OR h.section = c.section)
           AND (h.until IS NULL OR h.until >= CURDATE())) AS on_hold_until
  FROM gentle_nudge_case c
  LEFT JOIN borrowers b ON b.borrowernumber = c.patron
   AND c.used_before >= (SELECT COUNT(*) FROM deletedborrowers d WHERE d.borrowernumber = c.patron)
 WHERE c.state = 'open'
 ORDER BY c.surname, c.firstname, c.id
