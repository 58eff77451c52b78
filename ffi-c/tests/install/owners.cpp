// A stranger's program in C++17: the owner of each line of standard input.
// owners CLUSTER_FILE < KEYS > OWNERS

#include <exception>
#include <iostream>
#include <optional>
#include <ringway.hpp>
#include <string>

int main(int argc, char **argv) {
    try {
        const ringway::table table = ringway::table::from_cluster_file(argc == 2 ? argv[1] : "");
        for (std::string key; std::getline(std::cin, key);) {
            std::cout << table.owner(key).value() << '\n';
        }
        return 0;
    } catch (const std::exception &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
