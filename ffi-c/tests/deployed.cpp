/* What deployed programs answered, through ringway.hpp: deployed_hpp LINES. Each case twice: by a
   builder and by a cluster file. */

#include <optional>
#include <string>
#include <vector>

#include "check.h"
#include "deployed.h"
#include "ringway.hpp"

namespace {

std::string_view next_view(char **line) {
    const struct slice bytes = next_bytes(line);
    return {reinterpret_cast<const char *>(bytes.data), bytes.len};
}

bool is_index(std::optional<std::uint32_t> found, std::uint32_t expected) {
    return expected == NOBODY ? !found.has_value() : found == expected;
}

/** The lines of one case, and its tables. */
class replay {
public:
    explicit replay(std::string_view layout) : builder_(layout) {}

    void take(std::string_view word, char *rest) {
        if (word == "key") {
            check_key(rest);
        } else if (word == "node") {
            add_node(rest);
        } else if (word == "file") {
            build(next_view(&rest));
        } else if (word == "open") {
            open(rest);
        } else if (word == "close") {
            active_[static_cast<std::size_t>(next_number(&rest))]--;
        } else if (word == "slot") {
            const std::string_view key = next_view(&rest);
            CHECK(ringway::redis_slot(key) == next_number(&rest));
        } else if (word == "token") {
            const std::string_view key = next_view(&rest);
            CHECK(ringway::cassandra_token(key) == next_number(&rest));
        } else {
            set(word, rest);
        }
    }

private:
    void set(std::string_view word, char *rest) {
        const std::uint32_t node = static_cast<std::uint32_t>(active_.size()) - 1;
        if (word == "node_tokens") {
            std::vector<std::int64_t> tokens;
            while (*rest != '\0') {
                tokens.push_back(next_number(&rest));
            }
            builder_.set_node_tokens(node, tokens);
            return;
        }
        const std::string_view name = next_view(&rest);
        if (word == "text") {
            builder_.set_text(name, next_view(&rest));
        } else if (word == "integer") {
            builder_.set_integer(name, next_number(&rest));
        } else if (word == "boolean") {
            builder_.set_boolean(name, next_number(&rest) != 0);
        } else if (word == "node_text") {
            builder_.set_node_text(node, name, next_view(&rest));
        } else {
            builder_.set_node_integer(node, name, next_number(&rest));
        }
    }

    void add_node(char *rest) {
        const std::string_view name = next_view(&rest);
        const std::uint32_t weight = static_cast<std::uint32_t>(next_number(&rest));
        const std::uint32_t state = static_cast<std::uint32_t>(next_number(&rest));
        builder_.add(name, weight, std::nullopt, static_cast<ringway::state>(state));
        active_.push_back(0);
    }

    void build(std::string_view text) {
        built_ = builder_.build();
        from_file_ = ringway::table::from_cluster_text(text);
        CHECK(built_.size() == active_.size() && from_file_.size() == active_.size());
        CHECK(built_.fingerprint() == from_file_.fingerprint());
        CHECK(ringway::table::from_bytes(built_.to_bytes()).fingerprint() == built_.fingerprint());
    }

    void check_key(char *rest) {
        const std::string_view key = next_view(&rest);
        const std::uint32_t index = static_cast<std::uint32_t>(next_number(&rest));
        std::uint32_t first = NOBODY;
        CHECK(is_index(built_.owner(key), index));
        CHECK(is_index(from_file_.owner(key), index));
        CHECK(built_.candidates(key, &first, 1) == (index == NOBODY ? 0u : 1u) && first == index);
        const std::optional<std::uint64_t> hash = built_.key_hash(key);
        CHECK(!hash || is_index(built_.owner_hash(*hash), index));
        CHECK(!hash || built_.hash_bits().has_value());
    }

    void open(char *rest) {
        const std::string_view key = next_view(&rest);
        const std::uint32_t node = static_cast<std::uint32_t>(next_number(&rest));
        CHECK(built_.owner_under_load(key, active_.data(), active_.size()) == node);
        CHECK(from_file_.owner_under_load(key, active_.data(), active_.size()) == node);
        active_[node]++;
    }

    ringway::builder builder_;
    ringway::table built_{nullptr};
    ringway::table from_file_{nullptr};
    std::vector<std::uint64_t> active_;
};

} // namespace

int main(int argc, char **argv) {
    struct reader reader = read_lines(argc > 1 ? argv[1] : "");
    std::optional<replay> under_way;
    while (char *rest = next_line(&reader)) {
        const std::string_view word = next_word(&rest);
        try {
            if (word == "case") {
                begin_case(next_word(&rest));
                under_way.emplace(next_view(&rest));
            } else if (word == "end") {
                under_way.reset();
            } else if (under_way) {
                under_way->take(word, rest);
            }
        } catch (const ringway::error &error) {
            fprintf(stderr, "%s: %s\n", case_name, error.what());
            CHECK(false);
            under_way.reset();
        }
    }
    const int code = check_summary();
    free(reader.memory);
    return code;
}
