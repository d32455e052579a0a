"""What loss functions cost: milliseconds of processor time for a batch's pictures of one side, forward and backward.

    python benchmarks/losses.py [--size 64 128] [--faces 16] [--repeats 7]
    python benchmarks/losses.py --cast FACES

One thread; the best of the repeats, which a busy machine disturbs little. Beside it the same as a multiple of `ssim`,
taken in the same rounds.

With --cast: how well losses hold the colours. The faces of a folder, blurred as by a model that is half trained (a
gaussian of 1 px at 64 px), have some loss; the same with a cast of 8 levels (red up, blue down) have so much more.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch

from understudy.core.jobs.messages import SilentReporter
from understudy.core.models.folder import Settings
from understudy.core.options.rows import LOSS_FUNCTIONS
from understudy.core.training.faces.data import read_faces
from understudy.core.training.faces.reading import Cut
from understudy.core.training.losses import FaceLoss, Measure
from understudy.core.training.losses.blurring import blur


def seconds(loss: FaceLoss, y: torch.Tensor, measure: Measure) -> float:
    y = y.clone().requires_grad_()
    begin = time.thread_time()
    loss(y, measure).mean().backward()
    return time.thread_time() - begin


def cast(folder: Path) -> None:
    found = read_faces(folder, Cut(64, Settings("", mask_type="extended")), SilentReporter(), "A")
    faces = torch.from_numpy(found.crops[::8]).permute(0, 3, 1, 2).float() / 255
    measure = Measure(faces[:, :3], faces[:, 3:4])
    blurred = blur(measure.target, 11, 1.0)
    tinted = (blurred + torch.tensor([8.0, 0.0, -8.0]).view(3, 1, 1) / 255).clamp(0, 1)
    print(f"{len(faces)} faces of {folder}")
    for name in ("ssim", "mae", "mse", "ssim+mae", "ssim+mse"):
        loss = FaceLoss(name, penalized=True)
        before, after = (float(loss(y, measure).mean()) for y in (blurred, tinted))
        print(f"  {name:10} {before:.4f} -> {after:.4f}   {after / before - 1:+.1%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, nargs="+", default=[64, 128], help="sides of the pictures")
    parser.add_argument("--faces", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--cast", type=Path, metavar="FACES", help="a faces folder")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.cast:
        cast(arguments.cast)
        return
    for size in arguments.size:
        torch.manual_seed(0)
        target = torch.rand(arguments.faces, 3, size, size)
        y, mask = (target + 0.1 * torch.randn_like(target)).clamp(0, 1), torch.ones_like(target[:, :1])
        losses = {row.name: FaceLoss(row.name, penalized=True) for row in LOSS_FUNCTIONS}
        best = dict.fromkeys(losses, float("inf"))
        for _ in range(arguments.repeats):
            for name, loss in losses.items():
                best[name] = min(best[name], seconds(loss, y, Measure(target, mask)))
        print(f"{arguments.faces} faces of {size} px")
        for name, value in best.items():
            print(f"  {name:20} {value * 1e3:7.1f} ms   {value / best['ssim']:5.2f} x ssim")


if __name__ == "__main__":
    main()
