"""The outside world: mail, SFTP, folders, alerts."""
