"""A client with http.client and keep-alive: writes and reads until told to stop, then says what it saw.

    python3 client.py HOST PORT < stop

Every answer has to be right: what was acknowledged last, and no status but 200, 201, 204 and 404.
Prints one line of JSON: how many requests, and what was wrong.
"""

import http.client
import json
import sys
import threading


def main() -> None:
    connection = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2]), timeout=30)
    stop = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
    last: dict[str, bytes] = {}
    faults: list[str] = []
    requests = 0
    while not stop.is_set():
        requests += 1
        key = f"py-{requests * 7 % 97}"
        if requests % 11 == 0:
            connection.request("DELETE", f"/{key}")
            answer = connection.getresponse()
            answer.read()
            if answer.status != (204 if key in last else 404):
                faults.append(f"DELETE {key}: {answer.status}")
            last.pop(key, None)
        elif requests % 2 == 0:
            body = f"{requests}:".encode() * (requests % 50 + 1)
            # Every other body is chunked.
            chunks = iter([body[:3], body[3:]]) if requests % 4 == 0 else body
            connection.request("PUT", f"/{key}", chunks, encode_chunked=requests % 4 == 0)
            answer = connection.getresponse()
            answer.read()
            if answer.status != (204 if key in last else 201):
                faults.append(f"PUT {key}: {answer.status}")
            last[key] = body
        else:
            connection.request("GET", f"/{key}")
            answer = connection.getresponse()
            body = answer.read()
            if (answer.status, body) != ((200, last[key]) if key in last else (404, body)):
                faults.append(f"GET {key}: {answer.status} {body[:40]!r}, not {last.get(key, b'')[:40]!r}")
    print(json.dumps({"requests": requests, "faults": faults[:5], "faulty": len(faults)}))


if __name__ == "__main__":
    main()
