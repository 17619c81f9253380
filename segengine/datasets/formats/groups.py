"""Which images belong together, and the file that says so.

`groups.csv` lies beside the images' folders: a line `image,group` and then one for each image, such
as `img_7,cat 12`. Images of one group (of one animal, one video, one place) are alike, so that a
comparison draws whole groups. An image that it does not name is a group by itself. Where two splits
have an image of one name, `val/img_7` says which is meant.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection
from pathlib import Path

from segengine.config.messages import shown
from segengine.errors import UserError
from segengine.files import cannot_read, open_regular

GROUPS_FILE = "groups.csv"
_HEAD = ["image", "group"]


def read_groups(path: Path, names: Collection[str]) -> dict[str, str]:
    """Image -> group; empty where there is no such file.

    Args:
        names: of the images that there are; the file may give them with an ending.

    Raises:
        UserError: the file cannot be read, or names images that are not there, or one twice.
    """
    try:
        with open_regular(path) as raw:
            reader = csv.reader(io.TextIOWrapper(raw, encoding="utf-8-sig", newline=""))
            rows = [(reader.line_num, row) for row in reader if any(map(str.strip, row))]
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise cannot_read(path, error) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} cannot be read as a table: {error}.", field="root") from None
    if not rows or [cell.strip().lower() for cell in rows[0][1]] != _HEAD:
        raise UserError(
            f"{path} must begin with the line 'image,group', but begins with "
            f"{shown(','.join(rows[0][1])) if rows else 'nothing'}.",
            field="root",
        )
    known, groups = set(names), dict[str, str]()
    for number, row in rows[1:]:
        if len(row) != 2 or not row[1].strip():
            raise UserError(
                f"{path} must hold an image and its group in line {number}, but holds "
                f"{shown(','.join(row))}.",
                field="root",
            )
        given, group = row[0].strip(), row[1].strip()
        name = given if given in known else str(Path(given).with_suffix("")) if given else ""
        if name not in known:
            raise UserError(
                f"{path} names {shown(given)} in line {number}, but there is no such image.",
                field="root",
            )
        if groups.get(name, group) != group:
            raise UserError(f"{path} puts {shown(given)} into two groups.", field="root")
        groups[name] = group
    return groups
