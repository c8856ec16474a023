"""`homechain grant …`: give and take back access, and ask who may do what."""

import argparse
import secrets

from homechain.cli import DENIED, DONE, USAGE, CommandFailed, identifier
from homechain.cli.asking import ask, report
from homechain.cli.device import find_device
from homechain.cli.moments import WHEN, moment, spoken
from homechain.cli.output import add_json, emit, say, table
from homechain.cli.person import find_person
from homechain.cli.profile import add_profile
from homechain.model.records import Authorization


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the commands of `homechain grant`."""
    commands = parser.add_subparsers(metavar="COMMAND", title="commands")

    add_ = commands.add_parser(
        "add",
        help="let a person do something, for a while",
        epilog="for example: homechain grant add Cleaner --device 'Front door' --action unlock "
        "--until +2h",
    )
    add_.add_argument("person", help="their name or did:key")
    add_.add_argument("--device", action="append", default=[], help="name or did:key; repeatable")
    add_.add_argument("--area", action="append", default=[], help="every device there; repeatable")
    add_.add_argument(
        "--action", action="append", required=True, help="for example unlock; repeatable"
    )
    add_.add_argument(
        "--from", dest="start", type=moment, default="now", metavar="WHEN", help=f"{WHEN} (now)"
    )
    add_.add_argument("--until", dest="end", type=moment, required=True, metavar="WHEN", help=WHEN)
    add_.set_defaults(handler=add)

    list_ = commands.add_parser("list", help="all grants, newest first")
    list_.add_argument("--person", help="name or did:key")
    list_.set_defaults(handler=list_grants)

    revoke_ = commands.add_parser("revoke", help="end a grant for good")
    revoke_.add_argument("grant", type=identifier, help="its id, from `homechain grant list`")
    revoke_.set_defaults(handler=revoke)

    explain_ = commands.add_parser("explain", help="may this person do that, then, and why?")
    explain_.add_argument("person", help="name or did:key")
    explain_.add_argument("action")
    explain_.add_argument("device", help="name or did:key")
    explain_.add_argument("--at", type=moment, default="now", metavar="WHEN", help=f"{WHEN} (now)")
    explain_.set_defaults(handler=explain)

    for command in (add_, list_, revoke_, explain_):
        add_profile(command)
        add_json(command)


def add(arguments: argparse.Namespace) -> int:
    """Gives a grant."""
    if not arguments.device and not arguments.area:
        raise CommandFailed("for what? give --device NAME or --area AREA", code=USAGE)
    person = find_person(arguments, arguments.person)
    devices = [find_device(arguments, name).did for name in arguments.device]
    authorization = Authorization(devices=devices, areas=arguments.area, actions=arguments.action)
    grant_id = secrets.token_urlsafe(12)
    receipt = ask(
        arguments,
        lambda client: client.grant(
            person.did,
            [authorization],
            grant_id=grant_id,
            nbf_s=arguments.start,
            exp_s=arguments.end,
        ),
    )
    what = ", ".join(arguments.action)
    until = spoken(arguments.end)
    return report(arguments, receipt, f"{person.name} may {what} until {until}; grant {grant_id}")


def list_grants(arguments: argparse.Namespace) -> int:
    """Lists grants."""
    did = find_person(arguments, arguments.person).did if arguments.person else None
    grants = ask(arguments, lambda client: client.grants(person=did))
    if arguments.json:
        emit({"grants": grants})
        return DONE
    table(
        ("grant", "person", "from", "until", "status", "may"),
        (
            (
                grant.id,
                grant.person_name,
                spoken(grant.nbf_s),
                spoken(grant.exp_s),
                grant.status.value,
                "; ".join(", ".join(a.actions) for a in grant.authorization_details),
            )
            for grant in grants
        ),
    )
    return DONE


def revoke(arguments: argparse.Namespace) -> int:
    """Ends a grant."""
    receipt = ask(arguments, lambda client: client.revoke(arguments.grant))
    return report(arguments, receipt, "The grant is revoked")


def explain(arguments: argparse.Namespace) -> int:
    """Says whether somebody may, and why; exit code 4 if not."""
    person = find_person(arguments, arguments.person)
    device = find_device(arguments, arguments.device)
    answer = ask(
        arguments,
        lambda client: client.explain(
            person=person.did,
            device=device.did,
            action=arguments.action,
            at_ms=arguments.at * 1000,
        ),
    )
    if arguments.json:
        emit(answer)
    else:
        say(("Yes. " if answer.allowed else "No. ") + answer.reason)
    return DONE if answer.allowed else DENIED
