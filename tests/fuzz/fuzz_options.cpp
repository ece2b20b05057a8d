// The command line: the input's lines are its words. A zero byte, which no word can have, stands
// for a line feed in one.
#include <algorithm>
#include <sstream>

#include "../../apps/mnist_vae/options/options.hpp"
#include "target.hpp"

using namespace handgrad;
using namespace handgrad::apps::mnist_vae;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::vector<std::string> words;
    std::stringstream text(fuzz::to_text(data, size));
    for (std::string word; std::getline(text, word);) {
        // A file of options is fuzz_config's; here it would be whatever the disk has by that name.
        if (word.starts_with("--config")) return 0;
        std::replace(word.begin(), word.end(), '\0', '\n');
        words.push_back(word);
    }
    fuzz::may_refuse([&] {
        const Command command = parse_command_line(words);
        if (const auto* train = std::get_if<TrainCommand>(&command)) {
            // --quiet is not an option of the run.
            TrainOptions options = train->options;
            options.quiet = false;
            fuzz::require(parse_run_options(to_toml(options), "again") == options);
        }
    });
    return 0;
}
