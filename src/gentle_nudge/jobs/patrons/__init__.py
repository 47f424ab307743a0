"""What is known of patrons, how they are locked and judged again, and how decisions are carried out."""
