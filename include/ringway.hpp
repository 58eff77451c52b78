/*
 * Ringway for C++17: ringway.h with owners for its handles, and nothing else.
 *
 *   ringway::table table = ringway::builder().add("db1").add("db2", 2).build();
 *   if (std::optional<std::uint32_t> owner = table.owner(key)) { use(pools[*owner]); }
 *
 * Header only: link what ringway.h needs. What builds throws ringway::error; lookups are noexcept,
 * take no lock and, owner_under_load() and deployed programs' layouts apart, allocate nothing. Keys,
 * names and zones are std::string_view of any bytes.
 */

#ifndef RINGWAY_HPP
#define RINGWAY_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ringway.h"

namespace ringway {

/** Why something could not be built. */
class error : public std::runtime_error {
public:
    error(ringway_status status, const std::string &text)
        : std::runtime_error(text), status_(status) {}

    /** One of RINGWAY_STATUS_*. */
    ringway_status status() const noexcept { return status_; }

private:
    ringway_status status_;
};

/** Whether a node may own keys, and whether it answers; see RINGWAY_STATE_*. */
enum class state : std::uint32_t {
    up = RINGWAY_STATE_UP,
    down = RINGWAY_STATE_DOWN,
    drain = RINGWAY_STATE_DRAIN,
};

namespace detail {

inline const std::uint8_t *data(std::string_view bytes) noexcept {
    return reinterpret_cast<const std::uint8_t *>(bytes.data());
}

inline std::string_view view(const std::uint8_t *data, std::size_t len) noexcept {
    return {reinterpret_cast<const char *>(data), len};
}

/** An empty zone is an error, no zone is none: (NULL, 0) says the latter. */
inline const std::uint8_t *zone_data(std::optional<std::string_view> zone) noexcept {
    static const std::uint8_t empty = 0;
    return !zone ? nullptr : zone->empty() ? &empty : data(*zone);
}

inline void check(ringway_status status) {
    if (status != RINGWAY_STATUS_OK) {
        throw error(status, ringway_status_message(status));
    }
}

/** Calls `make(message, size, len, table)`; a failure is thrown with its whole explanation. */
template <class Make>
const ringway_table *make_table(const Make &make) {
    const ringway_table *table = nullptr;
    std::size_t len = 0;
    std::string message(512, '\0');
    ringway_status status = make(&message[0], message.size(), &len, &table);
    if (status != RINGWAY_STATUS_OK && len >= message.size()) {
        message.resize(len + 1);
        status = make(&message[0], message.size(), &len, &table);
    }
    if (status != RINGWAY_STATUS_OK) {
        message.resize(len < message.size() ? len : message.size() - 1);
        throw error(status, message);
    }
    return table;
}

} // namespace detail

/**
 * Who owns which key: ringway_table with its reference.
 *
 * Copies are cheap and share one table, which lives as long as the last of them. Any number of
 * threads may use a table and copy it; one object, as ever, must not be assigned to meanwhile.
 * A table that was moved from answers as one without nodes.
 */
class table {
public:
    /** The table that the text of a cluster file describes. Throws error, naming line and field. */
    static table from_cluster_text(std::string_view text) {
        return table(detail::make_table([&](char *message, std::size_t size, std::size_t *len,
                                            const ringway_table **made) {
            return ringway_table_from_cluster_text(detail::data(text), text.size(), message, size,
                                                   len, made);
        }));
    }

    /** The table that the cluster file at `path` describes. Throws error, naming line and field. */
    static table from_cluster_file(std::string_view path) {
        return table(detail::make_table([&](char *message, std::size_t size, std::size_t *len,
                                            const ringway_table **made) {
            return ringway_table_from_cluster_file(detail::data(path), path.size(), message, size,
                                                   len, made);
        }));
    }

    /** The table whose to_bytes() these are. Throws error. */
    static table from_bytes(std::string_view data) {
        return table(detail::make_table([&](char *message, std::size_t size, std::size_t *len,
                                            const ringway_table **made) {
            return ringway_table_from_bytes(detail::data(data), data.size(), message, size, len,
                                            made);
        }));
    }

    /** Takes over a reference of the caller's; NULL is a table without nodes. */
    explicit table(const ringway_table *reference) noexcept : handle_(reference) {}

    table(const table &other) noexcept : handle_(other.handle_) {
        if (handle_ != nullptr && ringway_table_ref(handle_) != RINGWAY_STATUS_OK) {
            handle_ = nullptr;
        }
    }

    table(table &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}

    table &operator=(table other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }

    ~table() { ringway_table_free(handle_); }

    /** The index of the node that owns the key, if one may. */
    std::optional<std::uint32_t> owner(std::string_view key) const noexcept {
        std::uint32_t index = 0;
        return present(ringway_table_owner(handle_, detail::data(key), key.size(), &index), index);
    }

    /** The index of the node that owns the keys of that hash, if one may. */
    std::optional<std::uint32_t> owner_hash(std::uint64_t hash) const noexcept {
        std::uint32_t index = 0;
        return present(ringway_table_owner_hash(handle_, hash, &index), index);
    }

    /** Writes the owners of `count` keys, or RINGWAY_NO_NODE; says how many: count, or 0 if the
        arguments are none. */
    std::size_t owner_many(const std::uint8_t *const *keys, const std::size_t *key_lens,
                           std::size_t count, std::uint32_t *indices) const noexcept {
        return answered(ringway_table_owner_many(handle_, keys, key_lens, count, indices), count);
    }

    /** As owner_many(), for keys of one length, `stride` bytes apart. */
    std::size_t owner_many_strided(const void *keys, std::size_t key_len, std::size_t stride,
                                   std::size_t count, std::uint32_t *indices) const noexcept {
        const std::uint8_t *const first = static_cast<const std::uint8_t *>(keys);
        return answered(
            ringway_table_owner_many_strided(handle_, first, key_len, stride, count, indices),
            count);
    }

    /** As owner_many(), for keys whose hashes are known. */
    std::size_t owner_many_by_hash(const std::uint64_t *hashes, std::size_t count,
                                   std::uint32_t *indices) const noexcept {
        return answered(ringway_table_owner_many_by_hash(handle_, hashes, count, indices), count);
    }

    /**
     * The first candidate for the key whose load is below its capacity, if there is one. `loads`
     * are as many as nodes, `total` is the load of all; see ringway_table_owner_bounded().
     */
    std::optional<std::uint32_t> owner_bounded(std::string_view key, const std::uint64_t *loads,
                                               std::size_t load_count, std::uint64_t total,
                                               std::uint32_t factor_permille = 1250) const noexcept {
        std::uint32_t index = 0;
        return present(ringway_table_owner_bounded(handle_, detail::data(key), key.size(), loads,
                                                   load_count, total, factor_permille, &index),
                       index);
    }

    /** As owner_bounded(), for the keys of that hash. */
    std::optional<std::uint32_t>
    owner_bounded_hash(std::uint64_t hash, const std::uint64_t *loads, std::size_t load_count,
                       std::uint64_t total, std::uint32_t factor_permille = 1250) const noexcept {
        std::uint32_t index = 0;
        return present(ringway_table_owner_bounded_hash(handle_, hash, loads, load_count, total,
                                                        factor_permille, &index),
                       index);
    }

    /** How much load a node takes while the load of all is `total`. */
    std::optional<std::uint64_t> capacity(std::uint32_t index, std::uint64_t total,
                                          std::uint32_t factor_permille = 1250) const noexcept {
        std::uint64_t capacity = 0;
        return present(ringway_table_capacity(handle_, index, total, factor_permille, &capacity),
                       capacity);
    }

    /** Writes up to `capacity` owners of the key, one of each zone first; says how many. */
    std::size_t owners(std::string_view key, std::uint32_t *indices,
                       std::size_t capacity) const noexcept {
        std::size_t count = 0;
        return ringway_table_owners(handle_, detail::data(key), key.size(), indices, capacity,
                                    &count) == RINGWAY_STATUS_OK
                   ? count
                   : 0;
    }

    /** Writes up to `capacity` nodes that the layout's program itself tries for the key, in its
        order, where a node may come again; says how many. See ringway_table_candidates(). */
    std::size_t candidates(std::string_view key, std::uint32_t *indices,
                           std::size_t capacity) const noexcept {
        std::size_t count = 0;
        return ringway_table_candidates(handle_, detail::data(key), key.size(), indices, capacity,
                                        &count) == RINGWAY_STATUS_OK
                   ? count
                   : 0;
    }

    /** The node that the layout's program picks with so many requests in progress on each node, by
        the option hash_balance_factor; see ringway_table_owner_under_load(). */
    std::optional<std::uint32_t> owner_under_load(std::string_view key, const std::uint64_t *active,
                                                  std::size_t active_count) const noexcept {
        std::uint32_t index = 0;
        return present(ringway_table_owner_under_load(handle_, detail::data(key), key.size(),
                                                      active, active_count, &index),
                       index);
    }

    /** Writes up to `capacity` candidates for the key in order of preference; says how many. */
    std::size_t walk(std::string_view key, std::uint32_t *indices,
                     std::size_t capacity) const noexcept {
        std::size_t count = 0;
        return ringway_table_walk(handle_, detail::data(key), key.size(), indices, capacity,
                                  &count) == RINGWAY_STATUS_OK
                   ? count
                   : 0;
    }

    /** 64 bits that tables have in common if they answer alike; nothing without a table. */
    std::optional<std::uint64_t> fingerprint() const noexcept {
        std::uint64_t fingerprint = 0;
        return present(ringway_table_fingerprint(handle_, &fingerprint), fingerprint);
    }

    /** Layout, options and nodes as bytes, for from_bytes() in any language. Throws error. */
    std::string to_bytes() const {
        std::size_t len = 0;
        detail::check(ringway_table_to_bytes(handle_, nullptr, 0, &len));
        std::string data(len, '\0');
        std::uint8_t *const first = reinterpret_cast<std::uint8_t *>(&data[0]);
        detail::check(ringway_table_to_bytes(handle_, first, len, &len));
        return data;
    }

    /** The table with one node more, at the end. Throws error. */
    table with_node(std::string_view name, std::uint32_t weight = 1,
                    std::optional<std::string_view> zone = std::nullopt,
                    ringway::state state = ringway::state::up) const {
        const ringway_table *changed = nullptr;
        detail::check(ringway_table_with_node(
            handle_, detail::data(name), name.size(), weight, detail::zone_data(zone),
            zone ? zone->size() : 0, static_cast<std::uint32_t>(state), &changed));
        return table(changed);
    }

    /** The table without the node of that name; later ones have an index less. Throws error. */
    table without_node(std::string_view name) const {
        const ringway_table *changed = nullptr;
        detail::check(
            ringway_table_without_node(handle_, detail::data(name), name.size(), &changed));
        return table(changed);
    }

    /** The table where the node of that name has another weight. Throws error. */
    table with_weight(std::string_view name, std::uint32_t weight) const {
        const ringway_table *changed = nullptr;
        detail::check(
            ringway_table_with_weight(handle_, detail::data(name), name.size(), weight, &changed));
        return table(changed);
    }

    /** The table where the node of that name is in another state. Throws error. */
    table with_state(std::string_view name, ringway::state state) const {
        const ringway_table *changed = nullptr;
        detail::check(ringway_table_with_state(handle_, detail::data(name), name.size(),
                                               static_cast<std::uint32_t>(state), &changed));
        return table(changed);
    }

    /** The ranges of positions that change owner from this table to the next. Throws error. */
    std::vector<ringway_moved_range> moved(const table &next) const {
        std::size_t count = 0;
        detail::check(ringway_table_moved(handle_, next.handle_, nullptr, 0, &count));
        std::vector<ringway_moved_range> ranges(count);
        detail::check(
            ringway_table_moved(handle_, next.handle_, ranges.data(), ranges.size(), &count));
        return ranges;
    }

    /** How many bits the layout's key hash has, if it is one that callers may compute. */
    std::optional<std::uint32_t> hash_bits() const noexcept {
        std::uint32_t bits = 0;
        return present(ringway_table_hash_bits(handle_, &bits), bits);
    }

    /** The layout's hash of the key, for owner_hash(). */
    std::optional<std::uint64_t> key_hash(std::string_view key) const noexcept {
        std::uint64_t hash = 0;
        return present(ringway_table_key_hash(handle_, detail::data(key), key.size(), &hash), hash);
    }

    /** The layout's name. */
    std::string_view layout() const noexcept {
        const std::uint8_t *name = nullptr;
        std::size_t len = 0;
        return ringway_table_layout(handle_, &name, &len) == RINGWAY_STATUS_OK
                   ? detail::view(name, len)
                   : std::string_view();
    }

    /** How many nodes there are, those that own nothing included. */
    std::uint32_t size() const noexcept {
        std::uint32_t count = 0;
        return ringway_table_node_count(handle_, &count) == RINGWAY_STATUS_OK ? count : 0;
    }

    /** The index of the node of that name. O(nodes). */
    std::optional<std::uint32_t> index_of(std::string_view name) const noexcept {
        std::uint32_t index = 0;
        return present(ringway_table_index_of(handle_, detail::data(name), name.size(), &index),
                       index);
    }

    /** The name of a node, valid as long as this table or a copy of it. */
    std::optional<std::string_view> name(std::uint32_t index) const noexcept {
        const std::uint8_t *data = nullptr;
        std::size_t len = 0;
        const ringway_status status = ringway_table_node_name(handle_, index, &data, &len);
        return present(status, detail::view(data, len));
    }

    /** The weight of a node. */
    std::optional<std::uint32_t> weight(std::uint32_t index) const noexcept {
        std::uint32_t weight = 0;
        return present(ringway_table_node_weight(handle_, index, &weight), weight);
    }

    /** The zone of a node that has one, valid as long as this table or a copy of it. */
    std::optional<std::string_view> zone(std::uint32_t index) const noexcept {
        const std::uint8_t *data = nullptr;
        std::size_t len = 0;
        const ringway_status status = ringway_table_node_zone(handle_, index, &data, &len);
        return data == nullptr ? std::nullopt : present(status, detail::view(data, len));
    }

    /** The state of a node. */
    std::optional<ringway::state> state(std::uint32_t index) const noexcept {
        std::uint32_t number = 0;
        const ringway_status status = ringway_table_node_state(handle_, index, &number);
        return present(status, static_cast<ringway::state>(number));
    }

    /** The C handle, for what this class lacks; the reference stays with the table. */
    const ringway_table *get() const noexcept { return handle_; }

private:
    /* By reference: the call that gives the status writes the value. */
    template <class T>
    static std::optional<T> present(ringway_status status, const T &value) noexcept {
        return status == RINGWAY_STATUS_OK ? std::optional<T>(value) : std::nullopt;
    }

    static std::size_t answered(ringway_status status, std::size_t count) noexcept {
        return status == RINGWAY_STATUS_OK ? count : 0;
    }

    const ringway_table *handle_;
};

/** A layout, its options and nodes. Used by one thread at a time; moved, not copied. */
class builder {
public:
    /** For the layout of that name, with its default options. Throws error. */
    explicit builder(std::string_view layout = "ringway-v1") {
        ringway_builder *made = nullptr;
        detail::check(ringway_builder_new(detail::data(layout), layout.size(), &made));
        handle_.reset(made);
    }

    /** Sets an option that is a whole number. Throws error. */
    builder &set_integer(std::string_view name, std::int64_t value) {
        detail::check(
            ringway_builder_set_integer(handle_.get(), detail::data(name), name.size(), value));
        return *this;
    }

    /** Sets an option that is a text. Throws error. */
    builder &set_text(std::string_view name, std::string_view value) {
        detail::check(ringway_builder_set_text(handle_.get(), detail::data(name), name.size(),
                                               detail::data(value), value.size()));
        return *this;
    }

    /** Sets an option that is true or false. Throws error. */
    builder &set_boolean(std::string_view name, bool value) {
        detail::check(ringway_builder_set_boolean(handle_.get(), detail::data(name), name.size(),
                                                  value ? 1 : 0));
        return *this;
    }

    /** Sets an option that is a list of whole numbers. Throws error. */
    builder &set_list(std::string_view name, const std::vector<std::uint32_t> &values) {
        detail::check(ringway_builder_set_list(handle_.get(), detail::data(name), name.size(),
                                               values.data(), values.size()));
        return *this;
    }

    /** Adds a node; its index is the number of nodes added before it. Throws error. */
    builder &add(std::string_view name, std::uint32_t weight = 1,
                 std::optional<std::string_view> zone = std::nullopt,
                 ringway::state state = ringway::state::up) {
        detail::check(ringway_builder_add_node(
            handle_.get(), detail::data(name), name.size(), weight, detail::zone_data(zone),
            zone ? zone->size() : 0, static_cast<std::uint32_t>(state)));
        return *this;
    }

    /** Sets a text of a node that was added: "hash_text", "address", "guid". Throws error. */
    builder &set_node_text(std::uint32_t node, std::string_view field, std::string_view value) {
        detail::check(ringway_builder_set_node_text(handle_.get(), node, detail::data(field),
                                                    field.size(), detail::data(value),
                                                    value.size()));
        return *this;
    }

    /** Sets a number of a node that was added: "id", "vnodes", "weight_millionths". Throws error. */
    builder &set_node_integer(std::uint32_t node, std::string_view field, std::int64_t value) {
        detail::check(ringway_builder_set_node_integer(handle_.get(), node, detail::data(field),
                                                       field.size(), value));
        return *this;
    }

    /** Sets the tokens of a node that was added. Throws error. */
    builder &set_node_tokens(std::uint32_t node, const std::vector<std::int64_t> &tokens) {
        detail::check(
            ringway_builder_set_node_tokens(handle_.get(), node, tokens.data(), tokens.size()));
        return *this;
    }

    /** The table of the nodes added so far. The builder stays as it is. Throws error. */
    table build() const {
        return table(detail::make_table([&](char *message, std::size_t size, std::size_t *len,
                                            const ringway_table **made) {
            return ringway_builder_build(handle_.get(), message, size, len, made);
        }));
    }

private:
    struct deleter {
        void operator()(ringway_builder *handle) const noexcept { ringway_builder_free(handle); }
    };

    std::unique_ptr<ringway_builder, deleter> handle_;
};

/** The hash of a key in most layouts, XXH3-64; see ringway_key_hash(). A key of no possible length
    is nothing. */
inline std::optional<std::uint64_t> key_hash(std::string_view key) noexcept {
    std::uint64_t hash = 0;
    const ringway_status status = ringway_key_hash(detail::data(key), key.size(), &hash);
    return status == RINGWAY_STATUS_OK ? std::optional<std::uint64_t>(hash) : std::nullopt;
}

/** The bucket of a hash by jump hash, 0 to buckets - 1; nothing of 0 buckets. */
inline std::optional<std::uint32_t> jump(std::uint64_t hash, std::uint32_t buckets) noexcept {
    std::uint32_t bucket = 0;
    const ringway_status status = ringway_jump(hash, buckets, &bucket);
    return status == RINGWAY_STATUS_OK ? std::optional<std::uint32_t>(bucket) : std::nullopt;
}

/** The bucket of a hash by JumpBackHash, 0 to buckets - 1; nothing of 0 buckets. */
inline std::optional<std::uint32_t> jumpback(std::uint64_t hash, std::uint32_t buckets) noexcept {
    std::uint32_t bucket = 0;
    const ringway_status status = ringway_jumpback(hash, buckets, &bucket);
    return status == RINGWAY_STATUS_OK ? std::optional<std::uint32_t>(bucket) : std::nullopt;
}

/** Writes the buckets of `count` hashes by jump(); says how many: count, or 0 if the arguments are
    none. */
inline std::size_t jump_many(const std::uint64_t *hashes, std::size_t count, std::uint32_t buckets,
                             std::uint32_t *bucket_of) noexcept {
    return ringway_jump_many(hashes, count, buckets, bucket_of) == RINGWAY_STATUS_OK ? count : 0;
}

/** The Redis Cluster slot of a key. A key of no possible length throws error. */
inline std::uint32_t redis_slot(std::string_view key) {
    std::uint32_t slot = 0;
    detail::check(ringway_redis_slot(detail::data(key), key.size(), &slot));
    return slot;
}

/** The token of a partition key in Cassandra. A key of no possible length throws error. */
inline std::int64_t cassandra_token(std::string_view key) {
    std::int64_t token = 0;
    detail::check(ringway_cassandra_token(detail::data(key), key.size(), &token));
    return token;
}

} // namespace ringway

#endif // RINGWAY_HPP
