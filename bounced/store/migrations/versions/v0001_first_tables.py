"""Create message, content, event and delivery.

There is no way down: after an upgrade the way back is the backup from before it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the first tables."""
    _create_message()
    _create_content()
    _create_event()
    _create_delivery()


def _create_message() -> None:
    op.create_table(
        "message",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("envelope", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("lease_owner", sa.Text),
        sa.Column("kind", sa.Text),
        sa.Column("report", sa.Text),
        sa.Column("concluded_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="message_pk"),
    )
    _create_partial_index("message_due", "message", ["due_at"], where="due_at IS NOT NULL")
    _create_partial_index("message_leased", "message", ["lease_owner"], where="lease_owner IS NOT NULL")
    _create_partial_index("message_concluded", "message", ["concluded_at"], where="concluded_at IS NOT NULL")


def _create_content() -> None:
    op.create_table(
        "content",
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("message_id", name="content_pk"),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name="content_message_id_fk", ondelete="CASCADE"),
    )


def _create_event() -> None:
    op.create_table(
        "event",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("recipient", sa.Text),
        sa.Column("routing_key", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="event_pk"),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name="event_message_id_fk", ondelete="CASCADE"),
    )
    op.create_index("event_message", "event", ["message_id"])


def _create_delivery() -> None:
    op.create_table(
        "delivery",
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("sink", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("lease_owner", sa.Text),
        sa.Column("last_error", sa.Text),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("event_id", "sink", name="delivery_pk"),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name="delivery_event_id_fk", ondelete="CASCADE"),
        sqlite_with_rowid=False,
    )
    _create_partial_index("delivery_due", "delivery", ["sink", "due_at"], where="due_at IS NOT NULL")
    _create_partial_index("delivery_leased", "delivery", ["lease_owner"], where="lease_owner IS NOT NULL")
    _create_partial_index("delivery_dead", "delivery", ["sink", "updated_at"], where="state = 'dead'")
    op.create_index("delivery_updated", "delivery", ["updated_at"])


def _create_partial_index(name: str, table: str, columns: list[str], *, where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
