"""Create uncounted, tally and mention: what is counted of events, and by what they are found.

Events from before are counted by the next daemon that runs, few at a time.
There is no way down: after an upgrade the way back is the backup from before it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_SQLITE_TRIGGER = """
    CREATE TRIGGER event_is_uncounted AFTER INSERT ON event
    BEGIN INSERT INTO uncounted (event_id) VALUES (NEW.id); END
"""
_POSTGRESQL_FUNCTION = """
    CREATE FUNCTION note_uncounted_event() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO uncounted (event_id) VALUES (NEW.id); RETURN NULL; END $$
"""
_POSTGRESQL_TRIGGER = """
    CREATE TRIGGER event_is_uncounted AFTER INSERT ON event
    FOR EACH ROW EXECUTE FUNCTION note_uncounted_event()
"""


def upgrade() -> None:
    """Create the tables, and what keeps `uncounted` whole."""
    op.create_table(
        "uncounted",
        sa.Column("event_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("event_id", name="uncounted_pk"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tally",
        sa.Column("dimension", sa.Text, nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("dimension", "hour", "key", name="tally_pk"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "mention",
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("value", "event_id", name="mention_pk"),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name="mention_event_id_fk", ondelete="CASCADE"),
        sqlite_with_rowid=False,
    )
    op.create_index("mention_event", "mention", ["event_id"])
    op.execute("INSERT INTO uncounted (event_id) SELECT id FROM event")
    if op.get_bind().dialect.name == "sqlite":
        op.execute(_SQLITE_TRIGGER)
    else:
        op.execute(_POSTGRESQL_FUNCTION)
        op.execute(_POSTGRESQL_TRIGGER)
