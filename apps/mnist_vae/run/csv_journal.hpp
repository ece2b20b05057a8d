// A CSV file that grows while something happens: rows are appended and handed to the system at
// once, so that they stay written whatever happens to the process. The first column is a number
// that never falls, such as the epoch.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "../../../core/io/atomic_file.hpp"
#include "csv_rows.hpp"

namespace handgrad::apps::mnist_vae {

// Looks at a row of a file that is gone on with. Returns whether it is the last of its key. Throws
// Error(input) naming file and line for a row that cannot follow those before it.
using CheckRow = std::function<bool(std::string_view row, Index line)>;

class CsvJournal {
  public:
    // Starts a new file, or goes on with one: rows whose first number is above `last_key` are
    // dropped, for the checkpoint knows nothing of them, and so are those of a key whose last row
    // is missing. 0 keeps none, and checks none. The header is without its line feed. Until begin()
    // is called, the file at `path` stays as it is and the rows go into a temporary one, as they
    // are read: no more of a file is in memory than the rows of a key. Throws Error(output) if the
    // file could not be written, and what `check` throws. With a mistake, every row ends with its
    // name, in a column of that title.
    CsvJournal(std::string path, const std::string& header, Index last_key, const CheckRow& check,
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
    void go_on(const std::string& header, Index last_key, const CheckRow& check);
    std::string tagged(const std::string& rows) const;

    std::string path_, header_, mistake_;
    std::unique_ptr<NewFile> beginning_;  // until begin()
};

// A number as it stands in such files: nine digits, and a point everywhere.
std::string csv_number(double value);

}  // namespace handgrad::apps::mnist_vae
