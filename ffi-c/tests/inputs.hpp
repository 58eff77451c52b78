/* The builders that the vectors describe, for the tests of ringway.hpp with exceptions and without. */

#ifndef INPUTS_HPP
#define INPUTS_HPP

#include <string>
#include <vector>

#include "replay.h"
#include "ringway.hpp"
#include "vectors_data.h"

static std::string string_of(struct bytes bytes) {
    std::vector<uint8_t> memory(LENGTH_MAX);
    const uint8_t *data = data_of(bytes, memory.data());
    return std::string(reinterpret_cast<const char *>(data), bytes.len);
}

static ringway::builder builder_of(const struct inputs &inputs) {
    ringway::builder builder(string_of(inputs.layout));
    for (size_t i = 0; i < inputs.option_count; i++) {
        const struct option &option = inputs.options[i];
        switch (option.kind) {
        case OPTION_INTEGER:
            builder.set_integer(string_of(option.name), option.number);
            break;
        case OPTION_TEXT:
            builder.set_text(string_of(option.name), string_of(option.text));
            break;
        case OPTION_BOOLEAN:
            builder.set_boolean(string_of(option.name), option.number != 0);
            break;
        case OPTION_LIST:
            builder.set_list(string_of(option.name), {option.list, option.list + option.list_len});
            break;
        }
    }
    for (size_t i = 0; i < inputs.node_count; i++) {
        const struct node &node = inputs.nodes[i];
        const std::string zone = node.zone.data != nullptr || node.zone.rule ? string_of(node.zone) : "";
        const bool has_zone = node.zone.data != nullptr || node.zone.rule;
        builder.add(string_of(node.name), node.weight,
                    has_zone ? std::optional<std::string_view>(zone) : std::nullopt,
                    static_cast<ringway::state>(node.state));
    }
    for (unsigned number = 0; number < inputs.nodes_rule.count; number++) {
        char text[64];
        builder.add(std::string_view(text, text_of(inputs.nodes_rule, number, text, sizeof text)));
    }
    return builder;
}

#endif
