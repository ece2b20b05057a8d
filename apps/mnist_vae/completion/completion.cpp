#include "completion.hpp"

#include <sstream>
#include <vector>

namespace handgrad::apps::mnist_vae {

namespace {

// What may stand for a value.
enum class Value { none, words, file, folder, run, other };

struct Word {
    std::string name;  // "--hidden", or of a positional "RUN"
    bool positional;
    Value value;
    std::string words;  // of Value::words, with blanks between them
    std::string help;
};

struct CommandWords {
    std::string name, help;
    std::vector<Word> words;
};

// "adam|sgd [adam]" are words, "DIR" is a folder, "N [0]" no more than a number.
void set_value(const CLI::Option& option, Word& word) {
    std::string text = option.get_option_text();
    text = text.substr(0, text.find(' '));
    if (option.get_items_expected_max() == 0) {
        word.value = Value::none;
    } else if (text.find('|') != std::string::npos) {
        word.value = Value::words;
        for (const char c : text) word.words += c == '|' ? ' ' : c;
    } else if (word.positional && word.name == "RUN") {
        word.value = Value::run;
    } else if (text == "DIR") {
        word.value = Value::folder;
    } else if (text == "PATH" || text.starts_with("FILE")) {
        word.value = Value::file;
    } else {
        word.value = Value::other;
    }
}

std::vector<CommandWords> read_commands(const CLI::App& app) {
    std::vector<CommandWords> commands;
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
        CommandWords words{command->get_name(), command->get_description(), {}};
        for (const CLI::Option* option :
             command->get_options([](const CLI::Option*) { return true; })) {
            Word word{
                option->get_positional() ? option->get_name() : "--" + option->get_lnames().front(),
                option->get_positional(), Value::none, "", option->get_description()};
            set_value(*option, word);
            words.words.push_back(std::move(word));
        }
        commands.push_back(std::move(words));
    }
    return commands;
}

std::string option_names(const CommandWords& command) {
    std::string names;
    for (const Word& word : command.words)
        if (!word.positional) names += (names.empty() ? "" : " ") + word.name;
    return names;
}

// --- bash ---

// What fills COMPREPLY for a value; nothing for a number.
std::string bash_action(const Word& word) {
    switch (word.value) {
        case Value::words:
            return "mapfile -t COMPREPLY < <(compgen -W '" + word.words + "' -- \"$word\")";
        case Value::file:
            return "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$word\")";
        case Value::folder:
            return "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$word\")";
        case Value::run:
            return "_mnist_vae_runs";
        case Value::none:
        case Value::other:
            break;
    }
    return "";
}

constexpr const char* kBashStart =
    R"(# bash completion of mnist_vae, written by `mnist_vae completion bash`.

# Fills COMPREPLY with the run folders under runs/, or else with folders.
_mnist_vae_runs() {
  local run
  compopt -o filenames
  for run in runs/*/config.json; do
    run=${run%/config.json}
    if [[ -e $run/config.json && $run == "$word"* ]]; then COMPREPLY+=("$run"); fi
  done
  if ((${#COMPREPLY[@]} == 0)); then mapfile -t COMPREPLY < <(compgen -d -- "$word"); fi
}

_mnist_vae() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
  # --option=value comes as three words.
  if [[ $word == = ]]; then word=; elif [[ $before == = ]]; then before=${COMP_WORDS[COMP_CWORD - 2]}; fi
  COMPREPLY=()
)";

std::string bash_script(const std::vector<CommandWords>& commands) {
    std::string names;
    for (const CommandWords& command : commands) names += command.name + " ";
    std::ostringstream text;
    text << kBashStart << "  if ((COMP_CWORD == 1)); then\n"
         << "    mapfile -t COMPREPLY < <(compgen -W '" << names
         << "--help --version' -- \"$word\")\n    return\n  fi\n"
         << "  case ${COMP_WORDS[1]}/$before in\n";
    for (const CommandWords& command : commands)
        for (const Word& word : command.words)
            if (!word.positional && word.value != Value::none)
                text << "    " << command.name << "/" << word.name << ") " << bash_action(word)
                     << (bash_action(word).empty() ? "" : "; ") << "return ;;\n";
    text << "  esac\n  case ${COMP_WORDS[1]}/$word in\n";
    for (const CommandWords& command : commands)
        text << "    " << command.name << "/-*) mapfile -t COMPREPLY < <(compgen -W '"
             << option_names(command) << "' -- \"$word\") ;;\n";
    for (const CommandWords& command : commands)
        for (const Word& word : command.words)
            if (word.positional && !bash_action(word).empty())
                text << "    " << command.name << "/*) " << bash_action(word) << " ;;\n";
    text << "  esac\n}\ncomplete -F _mnist_vae mnist_vae\n";
    return text.str();
}

// --- zsh ---

// Within '...' and within the brackets and colons of a specification.
std::string zsh_quote(const std::string& text) {
    std::string quoted;
    for (const char c : text) {
        if (c == '\'')
            quoted += "'\\''";
        else if (c == '[' || c == ']' || c == ':' || c == '\\')
            quoted += std::string("\\") + c;
        else
            quoted += c;
    }
    return quoted;
}

std::string zsh_action(const Word& word) {
    switch (word.value) {
        case Value::words:
            return "(" + word.words + ")";
        case Value::file:
            return "_files";
        case Value::folder:
            return "_files -/";
        case Value::run:
            return "_mnist_vae_runs";
        case Value::none:
        case Value::other:
            break;
    }
    return "";
}

std::string zsh_script(const std::vector<CommandWords>& commands) {
    std::ostringstream text;
    text << R"(#compdef mnist_vae
# zsh completion of mnist_vae, written by `mnist_vae completion zsh`.

# The run folders under runs/, or else folders.
_mnist_vae_runs() {
  local -a runs
  runs=(runs/*/config.json(N:h))
  if ((#runs)); then compadd -f -- $runs; else _files -/; fi
}

_mnist_vae() {
  if ((CURRENT == 2)); then
    local -a commands
    commands=(
)";
    for (const CommandWords& command : commands)
        text << "      '" << command.name << ":" << zsh_quote(command.help) << "'\n";
    text << "    )\n    _describe command commands\n    return\n  fi\n"
         << "  local command=$words[2]\n  shift words\n  ((CURRENT--))\n  case $command in\n";
    for (const CommandWords& command : commands) {
        text << "    " << command.name << ")\n      _arguments";
        for (const Word& word : command.words) {
            text << " \\\n        '";
            if (word.positional)
                text << ":" << word.name << ":" << zsh_action(word);
            else
                text << word.name << (word.value == Value::none ? "" : "=") << "["
                     << zsh_quote(word.help) << "]"
                     << (word.value == Value::none ? "" : ":value:" + zsh_action(word));
            text << "'";
        }
        text << "\n      ;;\n";
    }
    text << "  esac\n}\n\n_mnist_vae \"$@\"\n";
    return text.str();
}

// --- fish ---

std::string fish_quote(const std::string& text) {
    std::string quoted;
    for (const char c : text) quoted += (c == '\'' || c == '\\' ? "\\" : "") + std::string(1, c);
    return "'" + quoted + "'";
}

std::string fish_action(const Word& word) {
    switch (word.value) {
        case Value::none:
            return "";
        case Value::words:
            return " -x -a '" + word.words + "'";
        case Value::file:
            return " -r -F";
        case Value::folder:
            return " -x -a '(__fish_complete_directories)'";
        case Value::run:
            return " -a '(__mnist_vae_runs)'";
        case Value::other:
            break;
    }
    return " -x";
}

std::string fish_script(const std::vector<CommandWords>& commands) {
    std::ostringstream text;
    text << R"(# fish completion of mnist_vae, written by `mnist_vae completion fish`.

# The run folders under runs/.
function __mnist_vae_runs
    for config in runs/*/config.json
        string replace /config.json '' $config
    end
end

complete -c mnist_vae -f
)";
    for (const CommandWords& command : commands) {
        text << "complete -c mnist_vae -n __fish_use_subcommand -a " << command.name << " -d "
             << fish_quote(command.help) << "\n";
        for (const Word& word : command.words) {
            text << "complete -c mnist_vae -n '__fish_seen_subcommand_from " << command.name << "'";
            if (!word.positional) text << " -l " << word.name.substr(2);
            text << fish_action(word);
            if (!word.positional) text << " -d " << fish_quote(word.help);
            text << "\n";
        }
    }
    return text.str();
}

}  // namespace

std::string completion_script(const CLI::App& app, Shell shell) {
    const std::vector<CommandWords> commands = read_commands(app);
    switch (shell) {
        case Shell::zsh:
            return zsh_script(commands);
        case Shell::fish:
            return fish_script(commands);
        case Shell::bash:
            break;
    }
    return bash_script(commands);
}

}  // namespace handgrad::apps::mnist_vae
