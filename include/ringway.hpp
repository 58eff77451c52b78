/*
 * Ringway for C++17: ringway.h with owners for its handles, and nothing else.
 *
 *   ringway::table table = ringway::builder().add("db1").add("db2", 2).build();
 *   if (std::optional<std::uint32_t> owner = table.owner(key)) { use(pools[*owner]); }
 *
 * Header only: link what ringway.h needs. What builds throws ringway::error; its twin with try_
 * before the name returns a ringway::result instead. Lookups are noexcept, take no lock and,
 * owner_under_load() and deployed programs' layouts apart, allocate nothing. Keys, names and zones
 * are std::string_view of any bytes.
 *
 * With RINGWAY_NO_EXCEPTIONS, which is defined by itself where the compiler has exceptions off,
 * only the twins are there and nothing throws. Parts of one program may differ in this: what they
 * share is the same in both. std::string and std::vector, in try_to_bytes() and try_moved(), do
 * without memory what they do anywhere in the program.
 */

#ifndef RINGWAY_HPP
#define RINGWAY_HPP

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ringway.h"

#if !defined(__cpp_exceptions) && !defined(RINGWAY_NO_EXCEPTIONS)
#define RINGWAY_NO_EXCEPTIONS
#endif
#ifndef RINGWAY_NO_EXCEPTIONS
#include <stdexcept>
#endif

namespace ringway {

#ifndef RINGWAY_NO_EXCEPTIONS
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
#endif

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

/** A status, and words for it that are kept on the heap unless they are the status's own. */
class failure {
public:
    failure() noexcept = default;

    explicit failure(ringway_status status) noexcept : status_(status) {}

    failure(ringway_status status, const char *text) noexcept : status_(status) {
        const std::size_t size = std::strlen(text) + 1;
        text_.reset(size > 1 ? new (std::nothrow) char[size] : nullptr);
        if (text_ != nullptr) {
            std::memcpy(text_.get(), text, size);
        }
    }

    failure(const failure &other) noexcept
        : failure(other.text_ ? failure(other.status_, other.text_.get()) : failure(other.status_)) {}
    failure(failure &&) noexcept = default;

    failure &operator=(failure other) noexcept {
        status_ = other.status_;
        text_ = std::move(other.text_);
        return *this;
    }

    ringway_status status() const noexcept { return status_; }

    const char *text() const noexcept {
        return text_ != nullptr ? text_.get() : ringway_status_message(status_);
    }

private:
    ringway_status status_ = RINGWAY_STATUS_OK;
    std::unique_ptr<char[]> text_;
};

} // namespace detail

/**
 * A value, or why there is none: what functions return whose names begin with try_.
 *
 * It is read as std::optional is: `if (result) { use(*result); } else { log(result.text()); }`.
 */
template <class T>
class [[nodiscard]] result {
public:
    result(T value) noexcept : value_(std::move(value)) {}
    result(detail::failure failure) noexcept : failure_(std::move(failure)) {}

    bool has_value() const noexcept { return value_.has_value(); }
    explicit operator bool() const noexcept { return has_value(); }

    /** The value, which must be there. */
    T &operator*() & noexcept { return *value_; }
    const T &operator*() const & noexcept { return *value_; }
    T &&operator*() && noexcept { return *std::move(value_); }
    T *operator->() noexcept { return &*value_; }
    const T *operator->() const noexcept { return &*value_; }

    /** One of RINGWAY_STATUS_*: RINGWAY_STATUS_OK if there is a value. */
    ringway_status status() const noexcept { return failure_.status(); }

    /** What is wrong, where, and what to do; valid as long as this result. Where memory is short, the
        text of the status alone. */
    const char *text() const noexcept { return failure_.text(); }

private:
    std::optional<T> value_;
    detail::failure failure_;
};

namespace detail {

/** `value` if the call that came before it made it. */
template <class T>
result<T> made(ringway_status status, T value) noexcept {
    return status == RINGWAY_STATUS_OK ? result<T>(std::move(value)) : result<T>(failure(status));
}

/** The table that `make(message, size, len, table)` makes, or its whole explanation. */
template <class Table, class Make>
result<Table> make_table(const Make &make) noexcept {
    const ringway_table *table = nullptr;
    std::size_t len = 0;
    char few[512] = "";
    ringway_status status = make(few, sizeof few, &len, &table);
    if (status == RINGWAY_STATUS_OK) {
        return Table(table);
    }
    if (len < sizeof few) {
        return failure(status, few);
    }
    const std::size_t size = len + 1;
    const std::unique_ptr<char[]> many(new (std::nothrow) char[size]());
    if (many == nullptr) {
        return failure(status, few);
    }
    status = make(many.get(), size, &len, &table);
    return status == RINGWAY_STATUS_OK ? result<Table>(Table(table)) : failure(status, many.get());
}

#ifndef RINGWAY_NO_EXCEPTIONS
template <class T>
T or_throw(result<T> made) {
    if (!made) {
        throw error(made.status(), made.text());
    }
    return *std::move(made);
}
#endif

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
    /** The table that the text of a cluster file describes. An error names line and field. */
    static result<table> try_from_cluster_text(std::string_view text) noexcept {
        return detail::make_table<table>([text](auto... out) {
            return ringway_table_from_cluster_text(detail::data(text), text.size(), out...);
        });
    }

    /** The table that the cluster file at `path` describes. An error names line and field. */
    static result<table> try_from_cluster_file(std::string_view path) noexcept {
        return detail::make_table<table>([path](auto... out) {
            return ringway_table_from_cluster_file(detail::data(path), path.size(), out...);
        });
    }

    /** The table whose to_bytes() these are. */
    static result<table> try_from_bytes(std::string_view data) noexcept {
        return detail::make_table<table>([data](auto... out) {
            return ringway_table_from_bytes(detail::data(data), data.size(), out...);
        });
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

    /** Layout, options and nodes as bytes, for from_bytes() in any language. */
    result<std::string> try_to_bytes() const {
        std::size_t len = 0;
        ringway_status status = ringway_table_to_bytes(handle_, nullptr, 0, &len);
        std::string data(len, '\0');
        if (status == RINGWAY_STATUS_OK) {
            std::uint8_t *const first = reinterpret_cast<std::uint8_t *>(&data[0]);
            status = ringway_table_to_bytes(handle_, first, len, &len);
        }
        return detail::made(status, std::move(data));
    }

    /** The table with one node more, at the end. */
    result<table> try_with_node(std::string_view name, std::uint32_t weight = 1,
                                std::optional<std::string_view> zone = std::nullopt,
                                ringway::state state = ringway::state::up) const noexcept {
        return changed(ringway_table_with_node, name, weight, detail::zone_data(zone),
                       zone ? zone->size() : 0, static_cast<std::uint32_t>(state));
    }

    /** The table without the node of that name; later ones have an index less. */
    result<table> try_without_node(std::string_view name) const noexcept {
        return changed(ringway_table_without_node, name);
    }

    /** The table where the node of that name has another weight. */
    result<table> try_with_weight(std::string_view name, std::uint32_t weight) const noexcept {
        return changed(ringway_table_with_weight, name, weight);
    }

    /** The table where the node of that name is in another state. */
    result<table> try_with_state(std::string_view name, ringway::state state) const noexcept {
        return changed(ringway_table_with_state, name, static_cast<std::uint32_t>(state));
    }

    /** The ranges of positions that change owner from this table to the next. */
    result<std::vector<ringway_moved_range>> try_moved(const table &next) const {
        std::size_t count = 0;
        ringway_status status = ringway_table_moved(handle_, next.handle_, nullptr, 0, &count);
        std::vector<ringway_moved_range> ranges(count);
        if (status == RINGWAY_STATUS_OK) {
            status = ringway_table_moved(handle_, next.handle_, ranges.data(), count, &count);
        }
        return detail::made(status, std::move(ranges));
    }

#ifndef RINGWAY_NO_EXCEPTIONS
    /* As those with try_ before the name; throw error. */

    static table from_cluster_text(std::string_view text) {
        return detail::or_throw(try_from_cluster_text(text));
    }

    static table from_cluster_file(std::string_view path) {
        return detail::or_throw(try_from_cluster_file(path));
    }

    static table from_bytes(std::string_view data) { return detail::or_throw(try_from_bytes(data)); }

    std::string to_bytes() const { return detail::or_throw(try_to_bytes()); }

    table with_node(std::string_view name, std::uint32_t weight = 1,
                    std::optional<std::string_view> zone = std::nullopt,
                    ringway::state state = ringway::state::up) const {
        return detail::or_throw(try_with_node(name, weight, zone, state));
    }

    table without_node(std::string_view name) const {
        return detail::or_throw(try_without_node(name));
    }

    table with_weight(std::string_view name, std::uint32_t weight) const {
        return detail::or_throw(try_with_weight(name, weight));
    }

    table with_state(std::string_view name, ringway::state state) const {
        return detail::or_throw(try_with_state(name, state));
    }

    std::vector<ringway_moved_range> moved(const table &next) const {
        return detail::or_throw(try_moved(next));
    }
#endif

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

    /** What `change` makes of this table and the node of that name. */
    template <class Change, class... Arguments>
    result<table> changed(Change change, std::string_view name, Arguments... arguments) const noexcept {
        const ringway_table *made = nullptr;
        const ringway_status status =
            change(handle_, detail::data(name), name.size(), arguments..., &made);
        return detail::made(status, table(made));
    }

    static std::size_t answered(ringway_status status, std::size_t count) noexcept {
        return status == RINGWAY_STATUS_OK ? count : 0;
    }

    const ringway_table *handle_;
};

/**
 * A layout, its options and nodes. Used by one thread at a time; moved, not copied.
 *
 * Nothing but build() throws: the first call that fails is kept, those after it do nothing, and
 * build() and try_build() say what was wrong with it.
 */
class builder {
public:
    /** For the layout of that name, with its default options. */
    explicit builder(std::string_view layout = "ringway-v1") noexcept {
        ringway_builder *made = nullptr;
        keep(ringway_builder_new(detail::data(layout), layout.size(), &made), "layout", layout);
        handle_.reset(made);
    }

    /** Sets an option that is a whole number. */
    builder &set_integer(std::string_view name, std::int64_t value) noexcept {
        return set("option", name, ringway_builder_set_integer, detail::data(name), name.size(), value);
    }

    /** Sets an option that is a text. */
    builder &set_text(std::string_view name, std::string_view value) noexcept {
        return set("option", name, ringway_builder_set_text, detail::data(name), name.size(),
                   detail::data(value), value.size());
    }

    /** Sets an option that is true or false. */
    builder &set_boolean(std::string_view name, bool value) noexcept {
        return set("option", name, ringway_builder_set_boolean, detail::data(name), name.size(),
                   value ? 1 : 0);
    }

    /** Sets an option that is a list of whole numbers. */
    builder &set_list(std::string_view name, const std::vector<std::uint32_t> &values) noexcept {
        return set("option", name, ringway_builder_set_list, detail::data(name), name.size(),
                   values.data(), values.size());
    }

    /** Adds a node; its index is the number of nodes added before it. */
    builder &add(std::string_view name, std::uint32_t weight = 1,
                 std::optional<std::string_view> zone = std::nullopt,
                 ringway::state state = ringway::state::up) noexcept {
        return set("node", name, ringway_builder_add_node, detail::data(name), name.size(), weight,
                   detail::zone_data(zone), zone ? zone->size() : 0, static_cast<std::uint32_t>(state));
    }

    /** Sets a text of a node that was added: "hash_text", "address", "guid". */
    builder &set_node_text(std::uint32_t node, std::string_view field, std::string_view value) noexcept {
        return set("field", field, ringway_builder_set_node_text, node, detail::data(field),
                   field.size(), detail::data(value), value.size());
    }

    /** Sets a number of a node that was added: "id", "vnodes", "weight_millionths". */
    builder &set_node_integer(std::uint32_t node, std::string_view field, std::int64_t value) noexcept {
        return set("field", field, ringway_builder_set_node_integer, node, detail::data(field),
                   field.size(), value);
    }

    /** Sets the tokens of a node that was added. */
    builder &set_node_tokens(std::uint32_t node, const std::vector<std::int64_t> &tokens) noexcept {
        return set("field", "tokens", ringway_builder_set_node_tokens, node, tokens.data(), tokens.size());
    }

    /** Whether a call before this one failed. */
    bool failed() const noexcept { return failure_.status() != RINGWAY_STATUS_OK; }

    /** The table of the nodes added so far. The builder stays as it is. */
    result<table> try_build() const noexcept {
        if (failed()) {
            return failure_;
        }
        return detail::make_table<table>([this](auto... out) {
            return ringway_builder_build(handle_.get(), out...);
        });
    }

#ifndef RINGWAY_NO_EXCEPTIONS
    /** As try_build(); throws error. */
    table build() const { return detail::or_throw(try_build()); }
#endif

private:
    struct deleter {
        void operator()(ringway_builder *handle) const noexcept { ringway_builder_free(handle); }
    };

    /** Calls `setter` unless a call before it failed. */
    template <class Setter, class... Arguments>
    builder &set(const char *what, std::string_view name, Setter setter, Arguments... arguments) noexcept {
        if (!failed()) {
            keep(setter(handle_.get(), arguments...), what, name);
        }
        return *this;
    }

    /** Keeps a failure with what it was about: `option "vnode": ...`. */
    void keep(ringway_status status, const char *what, std::string_view name) noexcept {
        char text[512];
        if (status == RINGWAY_STATUS_OK) {
            return;
        }
        if (name.empty() || name.size() > 200) { // the status says if it is that
            failure_ = detail::failure(status);
            return;
        }
        std::snprintf(text, sizeof text, "%s \"%.*s\": %s", what, static_cast<int>(name.size()),
                      name.data(), ringway_status_message(status));
        failure_ = detail::failure(status, text);
    }

    std::unique_ptr<ringway_builder, deleter> handle_;
    detail::failure failure_;
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

/** The Redis Cluster slot of a key; an error for a key of no possible length. */
inline result<std::uint32_t> try_redis_slot(std::string_view key) noexcept {
    std::uint32_t slot = 0;
    const ringway_status status = ringway_redis_slot(detail::data(key), key.size(), &slot);
    return detail::made(status, slot);
}

/** The token of a partition key in Cassandra; an error for a key of no possible length. */
inline result<std::int64_t> try_cassandra_token(std::string_view key) noexcept {
    std::int64_t token = 0;
    const ringway_status status = ringway_cassandra_token(detail::data(key), key.size(), &token);
    return detail::made(status, token);
}

#ifndef RINGWAY_NO_EXCEPTIONS
/** As try_redis_slot(); throws error. */
inline std::uint32_t redis_slot(std::string_view key) {
    return detail::or_throw(try_redis_slot(key));
}

/** As try_cassandra_token(); throws error. */
inline std::int64_t cassandra_token(std::string_view key) {
    return detail::or_throw(try_cassandra_token(key));
}
#endif

} // namespace ringway

#endif // RINGWAY_HPP
