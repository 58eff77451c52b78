// A TCP proxy that shards by key, in two threads over Asio:
//
//   asio-proxy IP:PORT CLUSTER_FILE [IDLE_SECONDS]
//
// It does what epoll-proxy.c does, which explains the protocol. What differs: sessions run on two
// threads, each on one at a time (its strand), and look up in one immutable table without a lock.

#include <asio.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "ringway.hpp"

namespace {

using asio::ip::tcp;
using std::chrono::steady_clock;

constexpr std::size_t key_max = 250;
constexpr std::size_t sessions_max = 450; // two descriptors each, below the usual limit of 1,024

/** "127.0.0.1:7001" or "[::1]:7001". Throws if it is neither. */
tcp::endpoint parse_endpoint(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == text.npos) {
        throw std::runtime_error(std::string(text) + ": not IP:PORT");
    }
    std::string host(text.substr(0, colon));
    const std::string port(text.substr(colon + 1));
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        host = host.substr(1, host.size() - 2);
    }
    char *end = nullptr;
    const unsigned long number = std::strtoul(port.c_str(), &end, 10);
    if (port.empty() || *end != '\0' || number > 65535) {
        throw std::runtime_error(std::string(text) + ": not IP:PORT");
    }
    return {asio::ip::make_address(host), static_cast<asio::ip::port_type>(number)};
}

/** A table, and by its indices the addresses of its nodes: they change together. */
struct cluster {
    explicit cluster(const std::string &path) : table(ringway::table::from_cluster_file(path)) {
        for (std::uint32_t index = 0; index < table.size(); index++) {
            addresses.push_back(parse_endpoint(table.name(index).value_or("")));
        }
    }

    ringway::table table;
    std::vector<tcp::endpoint> addresses;
};

/** What all sessions share. Only `current` is written after the start, and only by atomic_store. */
struct proxy {
    proxy(std::string file, steady_clock::duration limit) : path(std::move(file)), idle(limit) {}

    // Build the new one, swap the pointer; the last session that looks at the old one frees it.
    void reload() noexcept try {
        auto made = std::make_shared<const cluster>(path);
        std::clog << "reloaded: " << made->addresses.size() << " nodes" << std::endl;
        std::atomic_store(&current, std::move(made));
    } catch (const std::exception &failure) {
        std::clog << failure.what() << "\nnot reloaded: the old cluster stays" << std::endl;
    }

    const std::string path;
    const steady_clock::duration idle;
    std::shared_ptr<const cluster> current = std::make_shared<const cluster>(path);
    std::atomic<std::size_t> sessions{0};
};

/** A client and the server of its key. Handlers hold it; it ends with the last of them. */
class session : public std::enable_shared_from_this<session> {
public:
    session(proxy &owner, tcp::socket client)
        : proxy_(owner), client_(std::move(client)), server_(client_.get_executor()),
          timer_(client_.get_executor()) {
        proxy_.sessions++;
    }
    ~session() { proxy_.sessions--; }
    session(const session &) = delete;
    session &operator=(const session &) = delete;

    void start() {
        touched_ = steady_clock::now();
        watch_idle();
        // What follows the line in the same packet stays in head_, which goes to the server first.
        asio::async_read_until(client_, asio::dynamic_buffer(head_, key_max + 2), '\n',
                               [self = shared_from_this()](asio::error_code error, std::size_t len) {
                                   self->route(error, len);
                               });
    }

private:
    void route(asio::error_code error, std::size_t len) {
        if (error && error != asio::error::eof && error != asio::error::not_found) {
            return close(true);
        }
        std::string_view key(head_);
        key = error ? key : key.substr(0, len - 1);
        if (!key.empty() && key.back() == '\r') {
            key.remove_suffix(1);
        }
        if (key.size() > key_max || error == asio::error::not_found) {
            return refuse("ERROR the key has more than 250 bytes\n");
        }
        if (error) {
            return refuse("ERROR the key has no end\n");
        }
        if (key.empty()) {
            return refuse("ERROR the key is empty\n");
        }
        const std::shared_ptr<const cluster> now = std::atomic_load(&proxy_.current);
        const std::optional<std::uint32_t> owner = now->table.owner(key);
        if (!owner) {
            return refuse("ERROR no node may own the key\n");
        }
        server_.async_connect(now->addresses[*owner], [self = shared_from_this()](asio::error_code failure) {
            if (failure) {
                return self->refuse("ERROR the owner cannot be reached\n");
            }
            asio::async_write(self->server_, asio::buffer(self->head_),
                              [self](asio::error_code broken, std::size_t) {
                                  if (broken) {
                                      return self->close(true);
                                  }
                                  self->touched_ = steady_clock::now();
                                  self->relay(self->client_, self->server_, self->upward_);
                                  self->relay(self->server_, self->client_, self->downward_);
                              });
        });
    }

    using bytes = std::array<char, 16384>;

    /** Reads, writes all of it, reads again: a slow reader stops the other side's sender by TCP's own
        window. The end of one direction is passed on, and the other goes on. */
    void relay(tcp::socket &from, tcp::socket &to, bytes &buffer) {
        from.async_read_some(asio::buffer(buffer), [&, self = shared_from_this()](asio::error_code error,
                                                                                  std::size_t len) {
            touched_ = steady_clock::now();
            if (error == asio::error::eof) {
                return finish(to);
            }
            if (error) {
                return close(true);
            }
            asio::async_write(to, asio::buffer(buffer, len), [&, self](asio::error_code broken, std::size_t) {
                touched_ = steady_clock::now();
                broken ? close(true) : relay(from, to, buffer);
            });
        });
    }

    void finish(tcp::socket &to) {
        asio::error_code ignored; // one that matters comes again with the next read
        to.shutdown(tcp::socket::shutdown_send, ignored);
        if (++finished_ == 2) {
            close(false);
        }
    }

    /** Answers with a line instead of a server. What the client still sends is read and dropped:
        closing with unread bytes would reset the connection, and the line might be lost with it. */
    void refuse(std::string_view line) {
        asio::error_code ignored;
        server_.close(ignored);
        asio::async_write(client_, asio::buffer(line.data(), line.size()),
                          [self = shared_from_this()](asio::error_code error, std::size_t) {
                              asio::error_code none;
                              self->client_.shutdown(tcp::socket::shutdown_send, none);
                              error ? self->close(true) : self->drop();
                          });
    }

    void drop() {
        client_.async_read_some(asio::buffer(upward_), [self = shared_from_this()](asio::error_code error,
                                                                                   std::size_t) {
            error ? self->close(false) : self->drop();
        });
    }

    /** One timer, set again only when it fires. Key, connecting and farewell have one time limit that
        nothing prolongs; relaying prolongs it with each step. */
    void watch_idle() {
        timer_.expires_at(touched_ + proxy_.idle);
        timer_.async_wait([self = shared_from_this()](asio::error_code error) {
            if (error || !self->client_.is_open()) {
                return;
            }
            if (steady_clock::now() - self->touched_ >= self->proxy_.idle) {
                return self->close(true);
            }
            self->watch_idle();
        });
    }

    /** `reset` tells both peers that something is missing: a plain close would look like the end. */
    void close(bool reset) {
        asio::error_code ignored;
        for (tcp::socket *socket : {&client_, &server_}) {
            if (reset && socket->is_open()) {
                socket->set_option(asio::socket_base::linger(true, 0), ignored);
            }
            socket->close(ignored);
        }
        timer_.cancel();
    }

    proxy &proxy_;
    tcp::socket client_, server_;
    asio::steady_timer timer_;
    steady_clock::time_point touched_;
    std::string head_;
    bytes upward_, downward_;
    int finished_ = 0;
};

/** Accepts while there is room; without room or descriptors it looks again in a moment. */
class listener {
public:
    listener(proxy &owner, asio::io_context &io, const tcp::endpoint &where)
        : proxy_(owner), acceptor_(io, where), pause_(io) {}

    void accept() {
        if (proxy_.sessions >= sessions_max) {
            return rest();
        }
        acceptor_.async_accept(asio::make_strand(acceptor_.get_executor()),
                               [this](asio::error_code error, tcp::socket client) {
                                   if (error) {
                                       return rest();
                                   }
                                   start(std::move(client));
                                   accept();
                               });
    }

    unsigned port() const { return acceptor_.local_endpoint().port(); }

private:
    void start(tcp::socket client) {
        auto strand = client.get_executor();
        auto made = std::make_shared<session>(proxy_, std::move(client));
        asio::post(strand, [made] { made->start(); });
    }

    void rest() {
        pause_.expires_after(std::chrono::milliseconds(50));
        pause_.async_wait([this](asio::error_code error) {
            if (!error) {
                accept();
            }
        });
    }

    proxy &proxy_;
    tcp::acceptor acceptor_;
    asio::steady_timer pause_;
};

/** SIGHUP reads the cluster file again, on one of the threads while the other serves. */
void await_signal(asio::signal_set &signals, asio::io_context &io, proxy &shared) {
    signals.async_wait([&](asio::error_code error, int signal) {
        if (error || signal != SIGHUP) {
            return io.stop();
        }
        shared.reload();
        await_signal(signals, io, shared);
    });
}

} // namespace

int main(int argc, char **argv) try {
    const long idle = argc == 4 ? std::strtol(argv[3], nullptr, 10) : 60;
    if (argc < 3 || argc > 4 || idle <= 0) {
        std::cerr << "usage: asio-proxy IP:PORT CLUSTER_FILE [IDLE_SECONDS]\n";
        return 2;
    }
    proxy shared(argv[2], std::chrono::seconds(idle));
    asio::io_context io; // after `shared`: its sessions, which refer to that, end with it
    listener clients(shared, io, parse_endpoint(argv[1]));
    asio::signal_set signals(io, SIGHUP, SIGINT, SIGTERM);
    await_signal(signals, io, shared);
    clients.accept();
    std::cout << "listening on port " << clients.port() << std::endl;
    std::thread second([&] { io.run(); });
    io.run();
    second.join();
    return 0;
} catch (const std::exception &failure) {
    std::cerr << failure.what() << '\n';
    return 1;
}
