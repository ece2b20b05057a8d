// `mnist_vae lesson`: the gradients of a VAE, to read and to move.
#include "../../../core/io/atomic_file.hpp"
#include "../../common/console.hpp"
#include "../lesson/lesson.hpp"
#include "commands.hpp"

namespace handgrad::apps::mnist_vae {

void run_lesson(const LessonCommand& command) {
    lesson::Subject subject;
    const lesson::Facts facts = lesson::compute_facts(subject);
    if (command.markdown) {
        const std::string text = lesson::lesson_markdown(facts);
        command.output.empty() ? print(text) : replace_file(command.output, text);
        return;
    }
    const std::string path = command.output.empty() ? "vae-gradients.html" : command.output;
    replace_file(path, lesson::lesson_page(facts, subject));
    print(path + "\n");
}

}  // namespace handgrad::apps::mnist_vae
