/* ringway.hpp: the vectors of ringway-v1 through it, and what it adds: owners and exceptions. */

#include <string>
#include <type_traits>
#include <vector>

#include "check.h"
#include "inputs.hpp"
#include "replay.h"
#include "ringway.hpp"

static_assert(std::is_nothrow_copy_constructible<ringway::table>::value, "copies cannot fail");
static_assert(std::is_nothrow_move_constructible<ringway::table>::value, "moves cannot fail");
static_assert(noexcept(std::declval<const ringway::table &>().owner("")), "lookups cannot throw");
static_assert(!std::is_copy_constructible<ringway::builder>::value, "builders are not shared");

static ringway::table build(const struct inputs &inputs) {
    return builder_of(inputs).build();
}

static bool is_index(std::optional<uint32_t> found, uint32_t expected) {
    return expected == NOBODY ? !found.has_value() : found == expected;
}

static void replay_vectors(bool is_small) {
    std::vector<uint32_t> indices(70000);
    for (const struct placement_case &c : placement_cases) {
        if (is_small && c.points > 200000) {
            cases_skipped++;
            continue;
        }
        begin_case(c.name);
        const ringway::table table = build(c.inputs);
        for (size_t i = 0; i < c.key_count; i++) {
            const std::string key = string_of(c.keys[i].key);
            CHECK(table.key_hash(key) == c.keys[i].hash);
            CHECK(is_index(table.owner(key), c.keys[i].owner));
            CHECK(is_index(table.owner_hash(c.keys[i].hash), c.keys[i].owner));
            CHECK(table.walk(key, indices.data(), indices.size()) == c.eligible);
            for (size_t at = 0; at < c.keys[i].walk_len; at++) {
                CHECK(indices[at] == c.keys[i].walk[at]);
            }
        }
        for (size_t i = 0; i < c.replica_count; i++) {
            const struct replica_row &row = c.replicas[i];
            const size_t count = table.owners(string_of(row.key), indices.data(), row.k);
            CHECK(count == row.owner_count);
            for (size_t at = 0; at < count; at++) {
                CHECK(indices[at] == row.owners[at]);
            }
        }
    }
    for (const struct error_case &c : error_cases) {
        if (is_small && (c.points > 200000 || c.inputs.nodes_rule.count > 10000)) {
            cases_skipped++;
            continue;
        }
        begin_case(ringway_status_message(c.status));
        ringway_status status = RINGWAY_STATUS_OK;
        try {
            build(c.inputs);
        } catch (const ringway::error &error) {
            status = error.status();
            CHECK(std::string(error.what()).size() > 0);
        }
        CHECK(status == c.status);
    }
}

static void own_and_share() {
    begin_case("owning and sharing");
    ringway::builder builder;
    builder.set_integer("vnodes", 10).add("a", 1, "z1").add("b", 2, std::nullopt, ringway::state::down);
    ringway::table table = builder.build();
    CHECK(table.size() == 2 && table.layout() == "ringway-v1" && table.hash_bits() == 64u);
    CHECK(table.name(0) == "a" && table.weight(1) == 2u && table.zone(0) == "z1" && !table.zone(1));
    CHECK(table.state(0) == ringway::state::up && table.state(1) == ringway::state::down);
    CHECK(table.index_of("b") == 1u && !table.index_of("c") && !table.name(2) && !table.zone(2));
    CHECK(table.owner(std::string_view()) == table.owner(""));

    ringway::table copy = table;
    CHECK(copy.get() == table.get());
    ringway::table moved = std::move(table);
    CHECK(moved.owner("k") == copy.owner("k") && copy.owner("k").has_value());
    ringway::table &same = copy;
    copy = same;
    CHECK(copy.size() == 2);
    copy = builder.add("c").build();
    CHECK(copy.size() == 3 && moved.size() == 2);
    ringway::table none(nullptr);
    uint32_t index = 7;
    size_t found = none.owners("k", &index, 1) + none.walk("k", &index, 1);
    CHECK(!none.owner("k") && found == 0 && index == 7 && none.size() == 0);
}

static void change_tables() {
    begin_case("changes");
    const ringway::table table = ringway::builder().add("a").add("b").build();
    const ringway::table grown = table.with_node("c", 2, "z", ringway::state::down);
    CHECK(table.size() == 2 && grown.size() == 3 && grown.weight(2) == 2u && grown.zone(2) == "z");
    CHECK(grown.state(2) == ringway::state::down);
    size_t positions = 0;
    for (const ringway_moved_range &range : table.moved(grown)) {
        CHECK(range.to == 2 && range.from < 2);
        positions += range.hi - range.lo + 1;
    }
    CHECK(positions > (1u << 30) && positions < 3u << 30);
    CHECK(grown.with_weight("c", 0).moved(table).empty());
    CHECK(grown.with_state("c", ringway::state::drain).moved(table).empty());
    CHECK(grown.without_node("a").index_of("c") == 1u);
    try {
        table.with_node("d", 1, "");
        CHECK(false);
    } catch (const ringway::error &error) {
        CHECK(error.status() == RINGWAY_STATUS_ZONE_EMPTY);
    }
    try {
        table.without_node("d");
        CHECK(false);
    } catch (const ringway::error &error) {
        CHECK(error.status() == RINGWAY_STATUS_NO_SUCH_NODE);
    }
}

static void ask_for_many() {
    begin_case("many at once");
    const ringway::table table = ringway::builder().add("a").add("b").add("c").build();
    const char keys[] = "key-1key-2key-3key-4";
    const std::uint8_t *first = reinterpret_cast<const std::uint8_t *>(keys);
    const std::uint8_t *const pointers[] = {first, first + 5, first + 10, first + 15};
    const std::size_t lens[] = {5, 5, 5, 5};
    std::uint32_t apart[4], joined[4], hashed[4];
    std::uint64_t hashes[4];
    for (std::size_t i = 0; i < 4; i++) {
        hashes[i] = *table.key_hash(std::string_view(keys + 5 * i, 5));
    }
    CHECK(table.owner_many(pointers, lens, 4, apart) == 4);
    CHECK(table.owner_many_strided(keys, 5, 5, 4, joined) == 4);
    CHECK(table.owner_many_by_hash(hashes, 4, hashed) == 4);
    for (std::size_t i = 0; i < 4; i++) {
        CHECK(table.owner_hash(hashes[i]) == apart[i] && apart[i] == joined[i] && joined[i] == hashed[i]);
    }
    CHECK(table.owner_many_strided(keys, 5, 4, 4, joined) == 0);
    CHECK(ringway::table(nullptr).owner_many_by_hash(hashes, 4, hashed) == 0);
}

static void replay_bounded() {
    for (const struct bounded_case &c : bounded_cases) {
        begin_case(c.name);
        const ringway::table table = build(c.inputs);
        for (std::size_t i = 0; i < c.capacity_count; i++) {
            CHECK(table.capacity(static_cast<std::uint32_t>(i), c.total, c.factor_permille) == c.capacities[i]);
        }
        CHECK(!table.capacity(table.size(), c.total));
        for (std::size_t i = 0; i < c.key_count; i++) {
            const std::string key = string_of(c.keys[i].key);
            const std::uint64_t hash = *table.key_hash(key);
            CHECK(is_index(table.owner_bounded(key, c.loads, c.load_count, c.total, c.factor_permille),
                           c.keys[i].owner));
            CHECK(is_index(table.owner_bounded_hash(hash, c.loads, c.load_count, c.total, c.factor_permille),
                           c.keys[i].owner));
        }
    }
}

static void replay_snapshots() {
    for (const struct snapshot_case &c : snapshot_cases) {
        begin_case(c.name);
        if (c.status == RINGWAY_STATUS_OK) {
            const ringway::table table = build(c.inputs);
            CHECK(table.fingerprint() == c.fingerprint && table.to_bytes().size() == c.length);
            CHECK(c.data.data == nullptr || table.to_bytes() == string_of(c.data));
            CHECK(ringway::table::from_bytes(table.to_bytes()).fingerprint() == c.fingerprint);
            continue;
        }
        ringway_status status = RINGWAY_STATUS_OK;
        try {
            ringway::table::from_bytes(string_of(c.data));
        } catch (const ringway::error &error) {
            status = error.status();
        }
        CHECK(status == c.status);
    }
    CHECK(!ringway::table(nullptr).fingerprint());
}

static std::string failure_of(std::string_view text) {
    try {
        ringway::table::from_cluster_text(text);
    } catch (const ringway::error &error) {
        CHECK(error.status() == RINGWAY_STATUS_BAD_CLUSTER_FILE);
        return error.what();
    }
    return "";
}

static void read_cluster_files() {
    begin_case("cluster files");
    const ringway::table table = ringway::table::from_cluster_text("[[node]]\nname = \"a\"\n");
    CHECK(table.owner("k") == 0u);
    CHECK(failure_of("[[node]]\nname = 3\n").find("cluster file:2:") == 0);
    /* Explanations of any length come whole. */
    const std::string field(3000, 'x');
    const std::string failure = failure_of("[[node]]\nname = \"a\"\n" + field + " = 1\n");
    CHECK(failure.size() > 20 && failure.find('\0') == std::string::npos);
    try {
        ringway::table::from_cluster_file("/nowhere/" + std::string(1000, 'y'));
        CHECK(false);
    } catch (const ringway::error &error) {
        CHECK(error.status() == RINGWAY_STATUS_FILE_NOT_READ);
        CHECK(std::string(error.what()).size() > 1000);
    }
}

static void jump_without_table() {
    begin_case("jump without table");
    const std::uint64_t hashes[] = {0, 1, 0x9e3779b97f4a7c15u, UINT64_MAX};
    std::uint32_t many[4] = {9, 9, 9, 9};
    CHECK(ringway::jump_many(hashes, 4, 7, many) == 4);
    for (std::size_t i = 0; i < 4; i++) {
        std::uint32_t expected = 9;
        CHECK(ringway_jump(hashes[i], 7, &expected) == RINGWAY_STATUS_OK && expected < 7);
        CHECK(ringway::jump(hashes[i], 7) == expected && many[i] == expected);
        CHECK(ringway_jumpback(hashes[i], 7, &expected) == RINGWAY_STATUS_OK && expected < 7);
        CHECK(ringway::jumpback(hashes[i], 7) == expected);
    }
    CHECK(!ringway::jump(1, 0) && !ringway::jumpback(1, 0));
    CHECK(ringway::jump_many(hashes, 4, 0, many) == 0);
    const ringway::table table = ringway::builder().add("a").build();
    CHECK(ringway::key_hash("user:42").has_value());
    CHECK(ringway::key_hash("user:42") == table.key_hash("user:42"));
}

int main(int argc, char **argv) {
    replay_vectors(argc > 1 && std::string(argv[1]) == "--small");
    own_and_share();
    change_tables();
    ask_for_many();
    replay_bounded();
    replay_snapshots();
    read_cluster_files();
    jump_without_table();
    return check_summary();
}
