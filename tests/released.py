"""The release that this code may run beside, on one database, and replaces while jobs run; raised at each release."""

COMMIT = "1eaade6"
MIGRATION = ("jobs", "0010_webhooks")
