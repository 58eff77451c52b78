/*
 * A TCP proxy that shards by key, in one thread over epoll:
 *
 *   epoll-proxy IP:PORT CLUSTER_FILE [IDLE_SECONDS]
 *
 * The first line of a connection is its key, 1 to 250 bytes of any value but newline. The owner of
 * the key is connected, and from then on bytes go both ways unchanged, the key's line included. A
 * client that cannot be served reads one line, `ERROR` and why. The name of a node in the cluster
 * file is its address, such as "127.0.0.1:7001" or "[::1]:7001". SIGHUP reads the file again.
 *
 * It does not try another node when the owner does not answer: what is stored under the key is not
 * there. A cache would ask ringway_table_walk() for the next one.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <netdb.h>
#include <ringway.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { KEY_MAX = 250, BUFFER_SIZE = 16384, SESSIONS_MAX = 1000, EVENTS_MAX = 64 };

/* A file descriptor in the epoll set. No session: the listener or the signals. */
struct watch {
    int fd;
    uint32_t events;
    struct session *session;
};

/* One end of a session, and the bytes begin..end that came from it and go to the other one. */
struct end {
    struct watch watch;
    bool eof;  /* it will send no more */
    bool shut; /* it was told that no more will come */
    size_t begin, end;
    uint8_t bytes[BUFFER_SIZE];
};

/* A client and the server of its key; the server's fd is -1 before, and if there is none. */
struct session {
    struct end client, server;
    bool routed, connecting, closed;
    time_t touched;
    struct session *older, *newer; /* by `touched`; `older` also links those to be freed */
};

/* A table, and by its indices what this program knows of the nodes: they change together. */
struct cluster {
    const ringway_table *table;
    uint32_t count;
    struct sockaddr_storage *addresses;
    socklen_t *lengths;
};

static struct cluster *cluster;
static struct session *oldest, *newest, *closed;
static size_t session_count, sessions_max = SESSIONS_MAX;
static struct watch listener, signals;
static time_t idle_seconds = 60;
static int epoll;

static time_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec;
}

/* Watches for these events. For none the descriptor leaves the set: epoll reports errors and
 * hang-ups of all that are in it, over and over until somebody reads, which is not now. */
static void watch(struct watch *watch, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = watch};
    if (watch->fd < 0 || watch->events == events) {
        return;
    }
    if (epoll_ctl(epoll, events == 0 ? EPOLL_CTL_DEL : watch->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD,
                  watch->fd, &event) != 0) {
        perror("epoll_ctl"); /* out of memory, or a fault in here: going on would hang sessions */
        exit(1);
    }
    watch->events = events;
}

/* ---- The cluster: build the new one, swap the pointer, free the old one ---- */

static bool parse_address(const char *text, size_t len, struct sockaddr_storage *address, socklen_t *size) {
    char host[64], *port;
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM}, *found;
    if (len >= sizeof host) {
        return false;
    }
    memcpy(host, text, len);
    host[len] = '\0';
    if (strlen(host) != len || (port = strrchr(host, ':')) == NULL) {
        return false;
    }
    *port++ = '\0';
    bool brackets = host[0] == '[' && port[-2] == ']';
    if (brackets) {
        port[-2] = '\0';
    }
    if (getaddrinfo(host + brackets, port, &hints, &found) != 0) {
        return false;
    }
    memcpy(address, found->ai_addr, found->ai_addrlen);
    *size = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

static void free_cluster(struct cluster *old) {
    if (old != NULL) {
        ringway_table_free(old->table);
        free(old->addresses);
        free(old->lengths);
        free(old);
    }
}

static struct cluster *load_cluster(const char *path) {
    struct cluster *made = calloc(1, sizeof *made);
    char message[512] = "not loaded";
    if (made == NULL) {
        return NULL;
    }
    if (ringway_table_from_cluster_file((const uint8_t *)path, strlen(path), message, sizeof message, NULL,
                                        &made->table) != RINGWAY_STATUS_OK ||
        ringway_table_node_count(made->table, &made->count) != RINGWAY_STATUS_OK) {
        fprintf(stderr, "%s\n", message); /* names file, line, field and remedy */
        free_cluster(made);
        return NULL;
    }
    made->addresses = calloc(made->count + 1, sizeof *made->addresses); /* + 1: calloc(0) may be NULL */
    made->lengths = calloc(made->count + 1, sizeof *made->lengths);
    for (uint32_t index = 0; index < made->count; index++) {
        const uint8_t *name = NULL;
        size_t len = 0;
        if (made->addresses == NULL || made->lengths == NULL ||
            ringway_table_node_name(made->table, index, &name, &len) != RINGWAY_STATUS_OK ||
            !parse_address((const char *)name, len, &made->addresses[index], &made->lengths[index])) {
            fprintf(stderr, "%s: node %u: its name is no IP:PORT\n", path, (unsigned)index);
            free_cluster(made);
            return NULL;
        }
    }
    return made;
}

/* Sessions keep their connections. None holds the table from one event to the next, so the old one
 * is freed at once; with threads each would hold a reference while it looks: ringway_table_ref(). */
static void reload(const char *path) {
    struct cluster *made = load_cluster(path), *old = cluster;
    if (made == NULL) {
        fprintf(stderr, "not reloaded: the old cluster stays\n");
        return;
    }
    cluster = made;
    free_cluster(old);
    fprintf(stderr, "reloaded: %u nodes\n", (unsigned)made->count);
}

/* ---- Sessions ---- */

static void unlink_session(struct session *session) {
    *(session->older ? &session->older->newer : &oldest) = session->newer;
    *(session->newer ? &session->newer->older : &newest) = session->older;
}

static void link_newest(struct session *session) {
    session->touched = now();
    session->older = newest;
    session->newer = NULL;
    *(newest ? &newest->newer : &oldest) = session;
    newest = session;
}

/* Closes both sockets; `reset` tells both peers that something is missing, where a plain close
 * would look like the proper end. The memory stays until no event of this round can name it. */
static void close_session(struct session *session, bool reset) {
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    struct end *ends[] = {&session->client, &session->server};
    for (int i = 0; i < 2; i++) {
        if (ends[i]->watch.fd >= 0) {
            if (reset) {
                setsockopt(ends[i]->watch.fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
            }
            close(ends[i]->watch.fd);
        }
    }
    unlink_session(session);
    session->closed = true;
    session->older = closed;
    closed = session;
    session_count--;
}

/* Answers with a line instead of a server. What the client still sends is read and dropped: closing
 * with unread bytes would reset the connection, and the line might be lost with it. */
static void refuse(struct session *session, const char *line) {
    if (session->server.watch.fd >= 0) {
        close(session->server.watch.fd);
    }
    session->server.watch.fd = -1;
    session->routed = true;
    session->connecting = false;
    session->server.eof = true;
    session->server.end = strlen(line);
    memcpy(session->server.bytes, line, session->server.end);
}

/* Finds the owner of the key, once its line is complete, and begins to connect. */
static void route(struct session *session) {
    const uint8_t *key = session->client.bytes;
    const uint8_t *newline = memchr(key, '\n', session->client.end);
    size_t len = newline ? (size_t)(newline - key) : session->client.end;
    uint32_t owner = 0;
    if (len > 0 && key[len - 1] == '\r') {
        len--;
    }
    if (len > KEY_MAX) {
        refuse(session, "ERROR the key has more than 250 bytes\n");
    } else if (newline == NULL && session->client.eof) {
        refuse(session, "ERROR the key has no end\n");
    } else if (newline == NULL) {
        return;
    } else if (len == 0) {
        refuse(session, "ERROR the key is empty\n");
    } else if (ringway_table_owner(cluster->table, key, len, &owner) != RINGWAY_STATUS_OK) {
        refuse(session, "ERROR no node may own the key\n");
    } else {
        const struct sockaddr *address = (const struct sockaddr *)&cluster->addresses[owner];
        int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        session->server.watch.fd = fd;
        session->routed = session->connecting = true;
        if (fd < 0 || (connect(fd, address, cluster->lengths[owner]) != 0 && errno != EINPROGRESS)) {
            refuse(session, "ERROR the owner cannot be reached\n");
        }
    }
}

/* Reads what there is room for. False: the connection broke. */
static bool receive(struct end *from) {
    ssize_t got = recv(from->watch.fd, from->bytes + from->end, BUFFER_SIZE - from->end, 0);
    if (got > 0) {
        from->end += (size_t)got;
    } else if (got == 0) {
        from->eof = true;
    }
    return got >= 0 || errno == EAGAIN || errno == EINTR;
}

/* Writes what the socket takes, which may be a part, and passes the end on after the last byte: the
 * other direction goes on. False: the connection broke. */
static bool flush(struct end *from, struct end *to) {
    if (to->watch.fd >= 0 && from->begin < from->end) {
        ssize_t sent = send(to->watch.fd, from->bytes + from->begin, from->end - from->begin, MSG_NOSIGNAL);
        if (sent < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        from->begin += (size_t)sent;
    } else {
        from->begin = from->end; /* nothing, or nobody to send it to */
    }
    if (from->begin == from->end) {
        from->begin = from->end = 0;
        if (from->eof && !to->shut) {
            to->shut = true;
            if (to->watch.fd >= 0) {
                shutdown(to->watch.fd, SHUT_WR); /* an error here comes again with the next read */
            }
        }
    }
    return true;
}

/* An end is read while there is room for its bytes, and no further: a slow reader stops the other
 * side's sender by TCP's own window, and costs one buffer. */
static uint32_t wanted(const struct end *from, const struct end *other) {
    return (from->eof || from->end == BUFFER_SIZE ? 0u : (uint32_t)EPOLLIN) |
           (other->begin < other->end ? (uint32_t)EPOLLOUT : 0u);
}

static void on_event(struct watch *ready, uint32_t events) {
    struct session *session = ready->session;
    struct end *client = &session->client, *server = &session->server;
    struct end *end = ready == &client->watch ? client : server;
    bool relays = session->routed && !session->connecting && server->watch.fd >= 0, whole = true;
    if (end == server && session->connecting) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(ready->fd, SOL_SOCKET, SO_ERROR, &error, &size);
        session->connecting = false;
        if (error != 0) {
            refuse(session, "ERROR the owner cannot be reached\n");
        }
    } else if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !end->eof && end->end < BUFFER_SIZE) {
        whole = receive(end);
    } else if ((events & EPOLLERR) != 0) {
        whole = false;
    }
    if (!session->routed) {
        route(session);
    }
    if (session->routed && !session->connecting) {
        whole = whole && flush(client, server) && flush(server, client);
    }
    if (!whole || (client->shut && server->shut)) {
        close_session(session, !whole);
        return;
    }
    if (relays) { /* key, connecting and farewell have one time limit that nothing prolongs */
        unlink_session(session);
        link_newest(session);
    }
    watch(&client->watch, session->connecting ? 0 : wanted(client, server));
    watch(&server->watch, session->connecting ? EPOLLOUT : wanted(server, client));
}

/* A descriptor too few is no reason to spin: the listener rests until a second or a session ends. */
static void accept_clients(void) {
    while (session_count < sessions_max) {
        int fd = accept4(listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) {
            continue;
        }
        struct session *session = fd < 0 ? NULL : malloc(sizeof *session);
        if (session == NULL) {
            if (fd >= 0) {
                close(fd);
            } else if (errno == EAGAIN) {
                return;
            }
            break;
        }
        memset(session, 0, sizeof *session);
        session->client.watch = (struct watch){.fd = fd, .session = session};
        session->server.watch = (struct watch){.fd = -1, .session = session};
        link_newest(session);
        session_count++;
        watch(&session->client.watch, EPOLLIN);
    }
    watch(&listener, 0);
}

/* ---- The loop ---- */

static void run(const char *path) {
    struct epoll_event events[EVENTS_MAX];
    time_t tick = now();
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS_MAX, 1000);
        for (int i = 0; i < count; i++) {
            struct watch *ready = events[i].data.ptr;
            if (ready == &signals) {
                struct signalfd_siginfo signal;
                if (read(signals.fd, &signal, sizeof signal) == sizeof signal) {
                    if (signal.ssi_signo != SIGHUP) {
                        return;
                    }
                    reload(path);
                }
            } else if (ready == &listener) {
                accept_clients();
            } else if (!ready->session->closed) {
                on_event(ready, events[i].events);
            }
        }
        while (oldest != NULL && now() - oldest->touched >= idle_seconds) {
            close_session(oldest, true);
        }
        if (session_count < sessions_max && (closed != NULL || now() != tick)) {
            watch(&listener, EPOLLIN);
        }
        tick = now();
        for (struct session *next; closed != NULL; closed = next) {
            next = closed->older;
            free(closed);
        }
    }
}

static int listen_on(const char *text) {
    struct sockaddr_storage address;
    socklen_t size = 0;
    int fd = -1, on = 1;
    char port[8];
    if (!parse_address(text, strlen(text), &address, &size)) {
        fprintf(stderr, "%s: not IP:PORT\n", text);
    } else if ((fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) < 0 ||
               setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
               bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, SOMAXCONN) != 0 ||
               getsockname(fd, (struct sockaddr *)&address, &size) != 0 ||
               getnameinfo((struct sockaddr *)&address, size, NULL, 0, port, sizeof port, NI_NUMERICSERV) != 0) {
        perror(text);
    } else {
        printf("listening on port %s\n", port);
        fflush(stdout);
        return fd;
    }
    exit(1);
}

int main(int argc, char **argv) {
    struct rlimit files;
    sigset_t handled;
    if (argc < 3 || argc > 4 || (argc == 4 && (idle_seconds = atoi(argv[3])) <= 0)) {
        fprintf(stderr, "usage: epoll-proxy IP:PORT CLUSTER_FILE [IDLE_SECONDS]\n");
        return 2;
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) { /* two descriptors a session, and some of our own */
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
        if (files.rlim_cur / 2 < SESSIONS_MAX + 16) {
            sessions_max = files.rlim_cur / 2 > 16 ? (size_t)files.rlim_cur / 2 - 16 : 1;
        }
    }
    sigemptyset(&handled);
    sigaddset(&handled, SIGHUP);
    sigaddset(&handled, SIGINT);
    sigaddset(&handled, SIGTERM);
    sigprocmask(SIG_BLOCK, &handled, NULL);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    signals.fd = signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK);
    if (epoll < 0 || signals.fd < 0) {
        perror("epoll-proxy");
        return 1;
    }
    if ((cluster = load_cluster(argv[2])) == NULL) {
        return 1;
    }
    listener.fd = listen_on(argv[1]);
    watch(&signals, EPOLLIN);
    watch(&listener, EPOLLIN);
    run(argv[2]);
    while (oldest != NULL) {
        close_session(oldest, true);
    }
    for (struct session *next; closed != NULL; closed = next) {
        next = closed->older;
        free(closed);
    }
    free_cluster(cluster);
    return 0;
}
