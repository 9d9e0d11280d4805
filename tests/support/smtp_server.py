"""A mail server for tests, made of aiosmtpd. Prints a line of JSON for each mail that it has taken.

usage: smtp_server.py PORT [--starttls CERTIFICATE KEY] [--auth USER PASSWORD]

What the local part of a recipient begins with decides:

busy2-     the first two tries get a 451
policy2-   the first two tries get a 554 that is about policy, after the content
nobody     550, with the address in it
spam       554 after the content
wait-      the answer to the content waits until "go" arrives on standard input
stall-     the content is never answered

"refuse" on standard input makes it refuse all senders from then on, "accept" none.
"""

import argparse
import asyncio
import email
import email.policy
import json
import re
import ssl
import sys
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

released = threading.Event()
refusing = threading.Event()


class Handler:
    def __init__(self):
        self.refused = {}

    def is_refused(self, address, word):
        """Whether this is one of the first tries, of which the address says how many are refused."""
        times = re.match(word + r"(\d+)-", address)
        if not times or self.refused.get(address, 0) >= int(times[1]):
            return False
        self.refused[address] = self.refused.get(address, 0) + 1
        return True

    async def handle_MAIL(self, server, session, envelope, address, options):
        if refusing.is_set():
            return "550 5.7.1 sender address rejected"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.is_refused(address, "busy"):
            return "451 4.3.0 try again later"
        if address.startswith("nobody"):
            return f"550 5.1.1 <{address}>: no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if any(address.startswith("spam") for address in envelope.rcpt_tos):
            return "554 5.6.0 looks like spam"
        if any(self.is_refused(address, "policy") for address in envelope.rcpt_tos):
            return "554 5.7.1 over quota"
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        part = lambda kind: message.get_body((kind,)).get_content()
        taken = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": [[name, str(value)] for name, value in message.items()],
            "text": part("plain"),
            "html": part("html"),
            "raw": envelope.content.decode("utf-8", "replace"),
            "encrypted": session.ssl is not None,
            "authenticated": bool(session.authenticated),
        }
        print(json.dumps(taken), flush=True)
        if any(address.startswith("wait-") for address in envelope.rcpt_tos):
            while not released.is_set():
                await asyncio.sleep(0.01)
        if any(address.startswith("stall-") for address in envelope.rcpt_tos):
            await asyncio.sleep(3600)
        return "250 2.0.0 taken"


def follow_commands():
    for line in sys.stdin:
        match line.strip():
            case "go":
                released.set()
            case "refuse":
                refusing.set()
            case "accept":
                refusing.clear()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--starttls", nargs=2)
    parser.add_argument("--auth", nargs=2)
    arguments = parser.parse_args()
    options = {}
    if arguments.starttls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*arguments.starttls)
        options.update(tls_context=context, require_starttls=True)
    if arguments.auth:
        expected = tuple(part.encode() for part in arguments.auth)

        def authenticate(server, session, envelope, mechanism, data):
            # Not handled: the library answers, 235 or 535.
            return AuthResult(success=(data.login, data.password) == expected, handled=False)

        options.update(authenticator=authenticate, auth_required=True)
    controller = Controller(Handler(), hostname="127.0.0.1", port=arguments.port, **options)
    controller.start()
    print("listening", flush=True)
    follow_commands()
    # Until it is killed.
    threading.Event().wait()


if __name__ == "__main__":
    main()
