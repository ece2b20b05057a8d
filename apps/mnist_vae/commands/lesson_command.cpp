// `mnist_vae lesson`: the gradients of a VAE, to read and to move.
#include "../../common/output.hpp"
#include "../lesson/lesson.hpp"
#include "commands.hpp"

namespace handgrad::apps::mnist_vae {

void run_lesson(const LessonCommand& command) {
    const char* usual = command.markdown ? "-" : "vae-gradients.html";
    const Output output(command.output.empty() ? usual : command.output);
    lesson::Subject subject;
    const lesson::Facts facts = lesson::compute_facts(subject);
    if (command.markdown) return output.write(lesson::lesson_markdown(facts));
    output.write(lesson::lesson_page(facts, subject));
    output.print_name();
}

}  // namespace handgrad::apps::mnist_vae
