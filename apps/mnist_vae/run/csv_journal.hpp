// A CSV file that grows while something happens: rows are appended and handed to the system at
// once, so that they stay written whatever happens to the process. The first column is a number
// that never falls, such as the epoch.
#pragma once

#include <memory>
#include <string>

#include "../../../core/io/atomic_file.hpp"
#include "csv_rows.hpp"

namespace handgrad::apps::mnist_vae {

class CsvJournal {
  public:
    // Starts a new file, or goes on with one: rows whose first number is above `last_key` are
    // dropped, for the checkpoint knows nothing of them. 0 keeps none. The header is without its
    // line feed. Until begin() is called, the file at `path` stays as it is and the rows go into a
    // temporary one. Throws Error(output) if the file could not be written, or Error(input) for an
    // existing file that is no such file. With a mistake, every row ends with its name, in a column
    // of that title.
    CsvJournal(std::string path, const std::string& header, Index last_key,
               const std::string& mistake = {});

    // Rows, each with its line feed. Throws Error(output).
    void append(const std::string& rows);

    // Puts the file with the rows so far in its place. Throws Error(output).
    void begin();

    // Waits until all rows are on the disk. To be called before a checkpoint is saved that knows of
    // them: it says that they need not be written again. Throws Error(output).
    void flush() const;

    // The file has another name now.
    void moved_to(std::string path) { path_ = std::move(path); }

  private:
    std::string tagged(const std::string& rows) const;

    std::string path_, header_, mistake_;
    std::unique_ptr<NewFile> beginning_;  // until begin()
};

// A number as it stands in such files: nine digits, and a point everywhere.
std::string csv_number(double value);

}  // namespace handgrad::apps::mnist_vae
