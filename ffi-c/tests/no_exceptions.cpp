/* ringway.hpp without exceptions: what begins with try_. Compiled with -fno-exceptions, and with them. */

#include <cstdlib>
#include <new>
#include <string>
#include <type_traits>
#include <vector>

#include "check.h"
#include "inputs.hpp"
#include "replay.h"
#include "ringway.hpp"

#if !defined(__cpp_exceptions) && !defined(RINGWAY_NO_EXCEPTIONS)
#error "RINGWAY_NO_EXCEPTIONS is to be defined by itself"
#endif

static_assert(std::is_nothrow_move_constructible<ringway::result<ringway::table>>::value, "results move");
static_assert(noexcept(std::declval<ringway::builder &>().add("")), "nothing but build() throws");
static_assert(noexcept(std::declval<const ringway::builder &>().try_build()), "tables are built or not");

/* While it is set there is no memory for what may do without. */
static volatile bool is_memory_short = false;

void *operator new[](std::size_t size, const std::nothrow_t &) noexcept {
    return is_memory_short ? nullptr : ::operator new[](size);
}

static void replay_vectors() {
    for (const struct placement_case &c : placement_cases) {
        if (c.points > 20000) {
            cases_skipped++; /* hpp.cpp has them */
            continue;
        }
        begin_case(c.name);
        const ringway::result<ringway::table> table = builder_of(c.inputs).try_build();
        CHECK(table && table.status() == RINGWAY_STATUS_OK);
        for (size_t i = 0; table && i < c.key_count; i++) {
            const std::optional<std::uint32_t> owner = table->owner(string_of(c.keys[i].key));
            CHECK(c.keys[i].owner == NOBODY ? !owner : owner == c.keys[i].owner);
        }
    }
    for (const struct error_case &c : error_cases) {
        if (c.points > 20000 || c.inputs.nodes_rule.count > 1000) {
            cases_skipped++;
            continue;
        }
        begin_case(ringway_status_message(c.status));
        const ringway::result<ringway::table> table = builder_of(c.inputs).try_build();
        CHECK(table.status() == c.status && table.has_value() == (c.status == RINGWAY_STATUS_OK));
        CHECK(std::string(table.text()).size() > 0);
    }
}

static void keep_the_first_failure() {
    begin_case("the first failure");
    ringway::builder builder;
    builder.add("a").set_integer("vnode", 3).set_integer("vnodes", -1).add("b");
    CHECK(builder.failed() && builder.try_build().status() == RINGWAY_STATUS_UNKNOWN_OPTION);
    CHECK(std::string(builder.try_build().text()).find("option \"vnode\": ") == 0);
    const ringway::builder unknown("no such layout");
    CHECK(unknown.failed() && unknown.try_build().status() == RINGWAY_STATUS_UNKNOWN_LAYOUT);
    CHECK(std::string(unknown.try_build().text()).find("layout \"no such layout\": ") == 0);
    ringway::builder field;
    field.add("a").set_node_integer(1, "id", 3);
    CHECK(field.try_build().status() == RINGWAY_STATUS_NO_SUCH_NODE);
    /* A name that is no text, or has no end, is left out. */
    builder = ringway::builder();
    CHECK(builder.set_integer(std::string(100000, 'x'), 1).try_build().text() ==
          std::string(ringway_status_message(RINGWAY_STATUS_UNKNOWN_OPTION)));
    builder = ringway::builder();
    CHECK(builder.set_integer(std::string_view(), 1).failed());
    /* A builder that was moved from makes nothing, and says so. */
    const ringway::builder moved = std::move(ringway::builder().add("a"));
    CHECK(moved.try_build().has_value());
    ringway::builder from;
    const ringway::builder to = std::move(from);
    CHECK(from.add("a").failed() && to.try_build());
}

static void change_tables() {
    begin_case("changes");
    const ringway::result<ringway::table> two = ringway::builder().add("a").add("b").try_build();
    ringway::result<ringway::table> three = two->try_with_node("c", 2, "z", ringway::state::down);
    CHECK(two->size() == 2 && three->size() == 3 && three->zone(2) == "z");
    CHECK(three->try_with_weight("c", 0)->try_moved(*two)->empty());
    CHECK(three->try_with_state("c", ringway::state::drain)->try_moved(*two)->empty());
    CHECK(two->try_moved(*three)->size() > 0);
    CHECK(three->try_without_node("a")->index_of("c") == 1u);
    CHECK(two->try_with_node("d", 1, "").status() == RINGWAY_STATUS_ZONE_EMPTY);
    CHECK(two->try_without_node("d").status() == RINGWAY_STATUS_NO_SUCH_NODE);
    CHECK(two->try_with_weight("d", 1).status() == RINGWAY_STATUS_NO_SUCH_NODE);
    CHECK(two->try_with_state("d", ringway::state::up).status() == RINGWAY_STATUS_NO_SUCH_NODE);
    const ringway::table none(nullptr);
    CHECK(none.try_moved(*two).status() == RINGWAY_STATUS_INVALID_ARGUMENT);
    CHECK(none.try_to_bytes().status() == RINGWAY_STATUS_INVALID_ARGUMENT);
    CHECK(none.try_with_node("a").status() == RINGWAY_STATUS_INVALID_ARGUMENT);

    const ringway::table taken = *std::move(three);
    CHECK(taken.size() == 3);
    const std::string bytes = *taken.try_to_bytes();
    CHECK(ringway::table::try_from_bytes(bytes)->fingerprint() == taken.fingerprint());
    CHECK(ringway::table::try_from_bytes("x" + bytes).status() == RINGWAY_STATUS_BAD_SNAPSHOT);
    CHECK(*ringway::try_redis_slot("foo") == 12182);
    CHECK(ringway::try_cassandra_token("foo").has_value());
}

static void explain() {
    begin_case("explanations");
    const std::string path = "/nowhere/" + std::string(1000, 'y');
    const ringway::result<ringway::table> missing = ringway::table::try_from_cluster_file(path);
    CHECK(missing.status() == RINGWAY_STATUS_FILE_NOT_READ && std::string(missing.text()).size() > 1000);
    const ringway::result<ringway::table> wrong = ringway::table::try_from_cluster_text("[[node]]\nname = 3\n");
    CHECK(wrong.status() == RINGWAY_STATUS_BAD_CLUSTER_FILE);
    CHECK(std::string(wrong.text()).find("cluster file:2:") == 0);
    CHECK(ringway::table::try_from_cluster_text("[[node]]\nname = \"a\"\n")->owner("k") == 0u);
}

/* Without memory for the words there is still the status, with its own. */
static void explain_without_memory() {
    const std::string path = "/nowhere/" + std::string(1000, 'y');
    ringway::builder builder;
    builder.add("a").set_integer("vnode", 3);
    is_memory_short = true;
    char *const got = new (std::nothrow) char[8];
    const ringway::result<ringway::table> missing = ringway::table::try_from_cluster_file(path);
    const ringway::result<ringway::table> copied = builder.try_build();
    is_memory_short = false;
    if (got != nullptr) {
        delete[] got;
        cases_skipped++; /* valgrind has an operator new of its own */
        return;
    }
    begin_case("explanations without memory");
    CHECK(missing.status() == RINGWAY_STATUS_FILE_NOT_READ);
    CHECK(missing.text() == std::string(ringway_status_message(RINGWAY_STATUS_FILE_NOT_READ)));
    CHECK(copied.status() == RINGWAY_STATUS_UNKNOWN_OPTION);
    CHECK(copied.text() == std::string(ringway_status_message(RINGWAY_STATUS_UNKNOWN_OPTION)));
}

int main() {
    replay_vectors();
    keep_the_first_failure();
    change_tables();
    explain();
    explain_without_memory();
    return check_summary();
}
