"""Create recipient, recipient_fact and setting: the memory of recipients.

There is no way down: after an upgrade the way back is the backup from before it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables, and the index that retention needs."""
    _create_recipient()
    _create_recipient_fact()
    op.create_table(
        "setting",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", name="setting_pk"),
    )
    op.create_index("event_created", "event", ["created_at"])


def _create_recipient() -> None:
    op.create_table(
        "recipient",
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("since", sa.DateTime(timezone=True)),
        sa.Column("first_bounce_at", sa.DateTime(timezone=True)),
        sa.Column("last_bounce_at", sa.DateTime(timezone=True)),
        sa.Column("counts", sa.Text, nullable=False),
        sa.Column("days", sa.Integer, nullable=False),
        sa.Column("decays_at", sa.DateTime(timezone=True)),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("address", name="recipient_pk"),
    )
    op.create_index("recipient_state", "recipient", ["state", "address"])
    op.create_index("recipient_updated", "recipient", ["updated_at"])
    where = sa.text("decays_at IS NOT NULL")
    op.create_index("recipient_decays", "recipient", ["decays_at"], sqlite_where=where, postgresql_where=where)


def _create_recipient_fact() -> None:
    op.create_table(
        "recipient_fact",
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("fault", sa.Text),
        sa.Column("code", sa.Text),
        sa.Column("is_weak", sa.Boolean, nullable=False),
        sa.Column("verified", sa.Boolean, nullable=False),
        sa.Column("state", sa.Text),
        sa.Column("by", sa.Text),
        sa.Column("note", sa.Text),
        sa.PrimaryKeyConstraint("recipient", "message_id", "kind", name="recipient_fact_pk"),
        sa.ForeignKeyConstraint(
            ["recipient"],
            ["recipient.address"],
            name="recipient_fact_recipient_fk",
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        sqlite_with_rowid=False,
    )
