"""Where webhooks may lead, and what is kept of them."""

import ipaddress
import socket
from datetime import UTC, datetime, timedelta

import pytest

import receiving
from process_operator.api.webhooks import signature, webhook
from process_operator.api.webhooks.addresses import (
    AllowedAddresses,
    CheckedResolver,
    NotAllowed,
    only_to,
)
from process_operator.api.webhooks.delivery import Outcome, Sender
from process_operator.api.webhooks.webhook import Due, Progress, Webhook

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOOK = Webhook(
    id="a",
    project="p",
    endpoint="https://x.example.com/",
    allowed_events=("APP_DEPLOY",),
    since=NOW,
    secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",  # noqa: S106 - of the standard's example
    created_by="me",
    created_at=NOW,
    updated_at=NOW,
)


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("10.1.2.3", True),
        ("10.2.0.1", False),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("192.168.1.1", False),
        ("0.0.0.0", False),  # noqa: S104 - nothing is bound
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:10.1.2.3", True),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
    ],
)
def test_webhooks_lead_to_public_addresses_and_where_the_platform_says(
    address: str, allowed: bool
) -> None:
    networks = [ipaddress.ip_network("10.1.0.0/16")]
    assert AllowedAddresses(networks).permits(address) is allowed


async def test_a_name_that_means_no_allowed_address_leads_nowhere() -> None:
    with pytest.raises(NotAllowed, match="localhost has no address that webhooks may lead to"):
        await CheckedResolver(AllowedAddresses()).resolve("localhost", 80)
    loopback = AllowedAddresses([ipaddress.ip_network("127.0.0.0/8")])
    found = await CheckedResolver(loopback).resolve("localhost", 80)
    assert {one["host"] for one in found} == {"127.0.0.1"}


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1"])
async def test_an_odd_way_to_write_an_address_is_seen_through(host: str) -> None:
    with pytest.raises(NotAllowed):
        await CheckedResolver(AllowedAddresses()).resolve(host, 80)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "0", "localhost", "[::ffff:127.0.0.1]"]
)
async def test_nothing_is_sent_to_an_address_that_is_not_allowed_however_it_is_written(
    host: str,
) -> None:
    with receiving.receiver() as receiver:
        endpoint = receiver.endpoint.replace("127.0.0.1", host)
        async with Sender(AllowedAddresses()) as sender:
            outcome, status, text, _ = await sender.send(endpoint, b"{}", {})
        assert (outcome, status, receiver.received) == (Outcome.FAILED, None, [])
        assert "no address that webhooks may lead to" in text


async def test_an_address_is_checked_once_more_when_a_connection_is_made() -> None:
    made = only_to(AllowedAddresses())
    with pytest.raises(NotAllowed):
        made((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("10.0.0.1", 80)))
    made((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("93.184.216.34", 80))).close()


def test_a_signature_is_that_of_the_standard() -> None:
    """The example of the Standard Webhooks' own libraries."""
    made = signature.headers(
        "http://x.example.com/",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        b'{"test": 2432232314}',
        (HOOK.secret,),
        datetime.fromtimestamp(1614265330, UTC),
    )
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert "svl-signature" not in made


def test_what_is_kept_comes_back_and_what_cannot_be_read_is_left_out() -> None:
    due = Due(webhook="a", release="r", status="success", attempts=3, at=NOW)
    progress = Progress(told=NOW, recent=("e",), due=(due,))
    data = webhook.data_of({"a": HOOK}, progress)
    assert webhook.parsed(data) == ({"a": HOOK}, progress)
    odd = {"webhook-b": "e30=", "webhook-c": "%", "other": "e30=", "webhook-d": "W10="}
    assert webhook.parsed(data | odd) == ({"a": HOOK}, progress)


def test_what_happened_since_the_oldest_webhook_is_told_by_the_first_who_can() -> None:
    later = NOW + timedelta(days=1)
    assert webhook.beginning({}, later).told == later
    newer = HOOK.model_copy(update={"id": "b", "since": NOW + timedelta(hours=1)})
    assert webhook.beginning({"a": HOOK, "b": newer}, later).told == NOW


def test_an_old_secret_holds_until_its_end() -> None:
    rolled = HOOK.rolled(NOW, hours=1)
    assert rolled.secrets(NOW) == (rolled.secret, HOOK.secret)
    assert rolled.secrets(NOW + timedelta(hours=1)) == (rolled.secret,)
    assert HOOK.rolled(NOW, hours=0).secrets(NOW)[1:] == ()
