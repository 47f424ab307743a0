SELECT c.referred_on,
       c.section,
       COALESCE(b.cardnumber, c.card) AS card,
       c.number,
       ROUND(c.balance, 2) AS balance,
       ROUND(c.fee, 2) AS fee,
       c.state
  FROM gentle_nudge_case c
  LEFT JOIN borrowers b ON b.borrowernumber = c.patron
   AND c.used_before >= (SELECT COUNT(*) FROM deletedborrowers d WHERE d.borrowernumber = c.patron)
 WHERE c.adopted = 0
   AND DATE_FORMAT(c.referred_on, '%Y-%m') = <<Month, as 2026-11>>
 ORDER BY c.referred_on, c.section, c.number, c.id
