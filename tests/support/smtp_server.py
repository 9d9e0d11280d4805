"""A mail server for tests, made of aiosmtpd. Prints a line of JSON for each mail that it has taken.

usage: smtp_server.py PORT [--starttls CERTIFICATE KEY] [--auth USER PASSWORD]

What the local part of a recipient begins with decides:

busy2-     the first two tries get a 451
nobody     550, with the address in it
spam       554 after the content
wait-      the answer to the content waits until a line arrives on standard input
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


class Handler:
    def __init__(self):
        self.refused = {}

    async def handle_RCPT(self, server, session, envelope, address, options):
        busy = re.match(r"busy(\d+)-", address)
        if busy and self.refused.get(address, 0) < int(busy[1]):
            self.refused[address] = self.refused.get(address, 0) + 1
            return "451 4.3.0 try again later"
        if address.startswith("nobody"):
            return f"550 5.1.1 <{address}>: no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if any(address.startswith("spam") for address in envelope.rcpt_tos):
            return "554 5.7.1 looks like spam"
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
        return "250 2.0.0 taken"


def wait_for_release():
    if sys.stdin.readline():
        released.set()


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
    wait_for_release()
    # Until it is killed.
    threading.Event().wait()


if __name__ == "__main__":
    main()
