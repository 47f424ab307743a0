SELECT l.for_day,
       l.section,
       l.state,
       b.cardnumber AS card,
       b.surname,
       b.firstname,
       ROUND(r.owed, 2) AS owed,
       ROUND(r.balance, 2) AS balance,
       r.marks,
       r.outcome,
       r.why
  FROM gentle_nudge_list l
  JOIN gentle_nudge_list_row r ON r.list_id = l.id
  LEFT JOIN borrowers b ON b.borrowernumber = r.patron
 WHERE l.state IN ('open', 'approved')
 ORDER BY l.for_day, l.section, r.marks = '', r.balance DESC, r.patron
