"""The VAE of mnist_vae in PyTorch, as a careful user writes it.

Denormal numbers are flushed to zero, the data are one tensor, the batches are gathered by index.
"""
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import peer


class VAE(nn.Module):
    def __init__(self, hidden, latent):
        super().__init__()
        # One layer for the mean and the log variance: one product instead of two.
        self.h1, self.head = nn.Linear(784, hidden), nn.Linear(hidden, 2 * latent)
        self.h2, self.out = nn.Linear(latent, hidden), nn.Linear(hidden, 784)
        for layer in (self.h1, self.head, self.h2, self.out):
            nn.init.zeros_(layer.bias)
            nn.init.xavier_uniform_(layer.weight)

    def forward(self, x, noise):
        """The loss in nats per image."""
        mu, logvar = self.head(F.relu(self.h1(x))).chunk(2, dim=1)
        z = mu + torch.exp(0.5 * logvar) * noise
        logits = self.out(F.relu(self.h2(z)))
        recon = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        kl = -0.5 * torch.sum(1 + logvar - mu * mu - torch.exp(logvar))
        return (recon + kl) / x.shape[0]


def main():
    p = peer.parser(__doc__)
    p.add_argument("--compile", action="store_true", help="torch.compile the model")
    p.add_argument("--fused", action="store_true", help="torch.optim.Adam(fused=True)")
    p.add_argument("--bf16", action="store_true", help="autocast to bfloat16: other numbers")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(a.seed)
    x = torch.from_numpy(np.ascontiguousarray(peer.training_images(a.data)))
    model = VAE(a.hidden, a.latent)
    # Without fused, PyTorch takes its default, which for CPU tensors is a loop over the tensors.
    adam = torch.optim.Adam(model.parameters(), lr=peer.LEARNING_RATE, fused=a.fused or None)

    def loss_of(xb, noise):
        with torch.autocast("cpu", torch.bfloat16, enabled=a.bf16):
            return model(xb, noise)

    # Kernels for the two sizes of batch that occur, not for any size.
    run = torch.compile(loss_of, dynamic=False) if a.compile else loss_of
    report = peer.Report(a.out, f"torch {torch.__version__}")
    for _ in range(a.epochs):
        start = time.perf_counter()
        total = torch.zeros(())
        for rows in torch.randperm(len(x)).split(a.batch_size):
            loss = run(x[rows], torch.randn(len(rows), a.latent))
            adam.zero_grad(set_to_none=True)
            loss.backward()
            adam.step()
            total += loss.detach() * len(rows)
        report.epoch(total.item() / len(x), time.perf_counter() - start)
    report.finish()


main()
