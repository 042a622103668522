"""The MX of example.net, which knows nobody: SMTP on 127.0.0.2, port 25."""

import socketserver


class Session(socketserver.StreamRequestHandler):
    def say(self, reply):
        self.wfile.write(f"{reply}\r\n".encode())

    def handle(self):
        self.say("220 mx.example.net ESMTP")
        for line in self.rfile:
            match line[:4].upper():
                case b"RCPT":
                    self.say("550 5.1.1 User unknown in virtual mailbox table")
                case b"DATA":
                    self.say("503 5.5.1 no valid recipients")
                case b"QUIT":
                    self.say("221 2.0.0 bye")
                    return
                case _:
                    self.say("250 mx.example.net")


if __name__ == "__main__":
    with socketserver.ThreadingTCPServer(("127.0.0.2", 25), Session) as server:
        print("ready", flush=True)  # noqa: T201 - who started us waits for it
        server.serve_forever()
