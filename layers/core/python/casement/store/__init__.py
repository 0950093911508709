"""Everything DynamoDB. The table is designed on one page, ACCESS_PATTERNS.md beside this file."""
