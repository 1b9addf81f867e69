"""What stands behind the loop: store, broker, webhooks, page and endpoint."""

from __future__ import annotations

from pydantic import Field

from banksman_drivers.settings.base import Port, Settings, measured_in


class StoreSettings(Settings):
    """Where records live and how much room they may take."""

    folder: str = Field("/var/lib/banksman", description="database, spool and latches")
    quota_mb: float = Field(
        2048.0,
        ge=16,
        le=1_000_000,
        json_schema_extra=measured_in("MB"),
        description="the most it may take; the oldest background records go first",
    )
    free_floor_mb: float = Field(
        256.0,
        ge=0,
        le=1_000_000,
        json_schema_extra=measured_in("MB"),
        description="what it leaves free on the disk",
    )
    spool_ms: float = Field(
        10.0,
        ge=1,
        le=1000,
        json_schema_extra=measured_in("ms"),
        description="readings reach the spool file at least this often",
    )
    block_s: float = Field(
        1.0,
        ge=0.1,
        le=60,
        json_schema_extra=measured_in("s"),
        description="readings reach the database in blocks of this length",
    )
    queue_batches: int = Field(
        20_000, ge=100, le=1_000_000, description="polls that may wait for the disk"
    )
    important_ttl_days: float = Field(
        365.0,
        gt=0,
        le=36_500,
        json_schema_extra=measured_in("days"),
        description="how long important decisions wait to be delivered, in days of recording",
    )
    normal_ttl_days: float = Field(
        90.0,
        gt=0,
        le=36_500,
        json_schema_extra=measured_in("days"),
        description="the same for normal decisions; critical ones, alarms and audit wait for ever",
    )
    background_ttl_days: float = Field(
        90.0,
        gt=0,
        le=36_500,
        json_schema_extra=measured_in("days"),
        description="the same for background decisions and readings",
    )
    critical_deadline_s: float = Field(
        3600.0,
        gt=0,
        le=31_536_000,
        json_schema_extra=measured_in("s"),
        description="a critical record that waits longer to be delivered is an alarm",
    )
    important_deadline_s: float = Field(
        86_400.0,
        gt=0,
        le=31_536_000,
        json_schema_extra=measured_in("s"),
        description="the same for important ones",
    )


class MqttSettings(Settings):
    """The broker for telemetry. Without ``host`` there is no telemetry."""

    host: str | None = Field(None, description="the broker; without it there is no telemetry")
    port: Port = 1883
    tls: bool = Field(False, description="encrypt, and check the broker's certificate")
    ca_file: str | None = Field(None, description="who may sign for it; default: the system's CAs")
    cert_file: str | None = Field(None, description="our own certificate, with key_file")
    key_file: str | None = Field(None, description="its private key")
    username: str | None = Field(None, description="login at the broker")
    password_file: str | None = Field(None, description="secrets stand in files, never here")
    prefix: str = Field("banksman", description="first part of our topics")
    home_assistant: bool = Field(True, description="announce the box to Home Assistant")
    home_assistant_prefix: str = Field("homeassistant", description="its discovery prefix")
    readings: list[str] = Field(
        default_factory=list, description="devices whose readings are published, with backlog"
    )
    state_interval_s: float = Field(
        1.0,
        ge=0.1,
        le=3600,
        json_schema_extra=measured_in("s"),
        description="retained state topics are sent at most this often, and only on change",
    )
    in_flight: int = Field(
        100, ge=1, le=1000, description="readings messages sent and not yet acknowledged"
    )


class WebhookSettings(Settings):
    """Where alerts are posted as JSON."""

    url: str = Field(pattern=r"^https?://", description="where to")
    token_file: str | None = Field(None, description="file with the bearer token")
    timeout_s: float = Field(
        5.0,
        gt=0,
        le=60,
        json_schema_extra=measured_in("s"),
        description="an answer later than this is none, and it is tried again",
    )


class WebSettings(Settings):
    """The status page. Beyond loopback it is HTTPS with a login."""

    bind: str = Field("127.0.0.1", description="address to listen on; 0.0.0.0: all")
    port: Port = 8080
    socket: str | None = Field(None, description="Unix socket for the command line on this box")
    tls_name: str = Field("", description="host name in the box's own certificate")


class CloudSettings(Settings):
    """The endpoint that may be asked for decisions."""

    url: str | None = Field(None, pattern=r"^https?://", description="the cloud's endpoint")
    token_file: str | None = Field(None, description="file with the bearer token")
    identity_file: str | None = Field(
        None,
        description="key and certificate of this box, written by `banksman enrol` and renewed by "
        "itself; default: identity.pem in the store's folder",
    )
    probe_s: float = Field(
        10.0,
        ge=1,
        le=3600,
        json_schema_extra=measured_in("s"),
        description="how often the link is looked at",
    )
