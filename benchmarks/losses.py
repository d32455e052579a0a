"""What loss functions cost: milliseconds of processor time for a batch's pictures of one side, forward and backward.

    python benchmarks/losses.py [--size 64 128] [--faces 16] [--repeats 7]

One thread; the best of the repeats, which a busy machine disturbs little. Beside it the same as a multiple of `ssim`,
taken in the same rounds.
"""

from __future__ import annotations

import argparse
import time

import torch

from understudy.core.options.rows import LOSS_FUNCTIONS
from understudy.core.training.losses import FaceLoss, Measure


def seconds(loss: FaceLoss, y: torch.Tensor, measure: Measure) -> float:
    y = y.clone().requires_grad_()
    begin = time.thread_time()
    loss(y, measure).mean().backward()
    return time.thread_time() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, nargs="+", default=[64, 128], help="sides of the pictures")
    parser.add_argument("--faces", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
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
