// `mnist_vae lesson`: the gradients of a VAE, to read and to move.
#include "../../common/output.hpp"
#include "../lesson/lesson.hpp"
#include "../run/own_files.hpp"
#include "commands.hpp"
#include "named_files.hpp"

namespace handgrad::apps::mnist_vae {

void run_lesson(const LessonCommand& command) {
    const Output output = !command.output.empty() ? named_output(command.output)
                          : command.markdown      ? Output("-")
                                                  : output_in_run("vae-gradients.html");
    lesson::Subject subject;
    const lesson::Facts facts = lesson::compute_facts(subject);
    if (command.markdown) return output.write(lesson::lesson_markdown(facts));
    output.write(lesson::lesson_page(facts, subject));
    output.print_name();
}

}  // namespace handgrad::apps::mnist_vae
