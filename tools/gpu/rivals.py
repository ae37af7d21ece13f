"""The work of `tests/Benchmarks --device` in Python's libraries, at the same sizes.

Each benchmark runs in PyTorch as one writes it, compiled by torch.compile, and by the libraries for it that are
installed: PEFT for adapters, Liger for RMSNorm, flash-linear-attention for WKV6. What is not installed is named in the
result. On the CPU sizes are small, for a rehearsal.
"""
import argparse
import importlib.util
import json
import time

import torch
from torch import nn
from torch.nn import functional as F

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--device", default="cuda")
parser.add_argument("--filter", default="")
parser.add_argument("--json", required=True)
options = parser.parse_args()
on_gpu = options.device.startswith("cuda")
half = torch.bfloat16
rows, missing = [], {}


def size(full, small):
    return full if on_gpu else small


def has(package):
    if importlib.util.find_spec(package):
        return True
    missing[package] = "not installed"
    return False


def timed(benchmark, way, step):
    """Median milliseconds of rounds that are long enough for the wait at their end to be little."""
    if options.filter.lower() not in benchmark.lower():
        return

    def once(repeats):
        if on_gpu:
            torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(repeats):
            step()
        if on_gpu:
            torch.cuda.synchronize()
        return (time.perf_counter() - start) / repeats * 1e3

    try:
        for _ in range(3 if on_gpu else 1):
            once(1)
        repeats = max(1, min(1000, int(20 / once(1)))) if on_gpu else 1
        milliseconds = sorted(once(repeats) for _ in range(7 if on_gpu else 1))[3 if on_gpu else 0]
        rows.append({"benchmark": benchmark, "way": way, "milliseconds": milliseconds})
        print(f"{benchmark:20} {way:40} {milliseconds:.3f} ms", flush=True)
    except Exception as fault:  # one library's fault must not end the others
        missing[f"{benchmark}, {way}"] = f"{type(fault).__name__}: {str(fault).splitlines()[0] if str(fault) else ''}"


def compiled(function):
    return torch.compile(function) if hasattr(torch, "compile") and on_gpu else None


def both(benchmark, make):
    """Eager, and compiled where torch.compile works. `make` takes what compiles a module or function."""
    timed(benchmark, "eager", make(lambda part: part))
    if compiled(lambda x: x) is not None:
        timed(benchmark, "torch.compile", make(torch.compile))


def random(*shape, dtype=half, grad=False):
    return torch.randn(*shape, device=options.device).to(dtype).requires_grad_(grad)


# --- Adapters in two blocks of a LLaMA-2-7B -------------------------------------------------------------------------

class RmsNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        wide = x.float()
        return self.weight * (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + 1e-5)).to(x.dtype)


class Lora(nn.Module):
    def __init__(self, inner, outer, rank=16):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outer, inner) * 0.02, requires_grad=False)
        self.a, self.b = nn.Parameter(torch.randn(rank, inner) * 0.01), nn.Parameter(torch.randn(outer, rank) * 0.01)

    def forward(self, x):
        return F.linear(x, self.weight) + F.linear(F.linear(x, self.a), self.b)


class BoneRow(nn.Module):
    def __init__(self, inner, outer, block=64):
        super().__init__()
        self.block = block = min(block, inner, outer)
        self.weight = nn.Parameter(torch.randn(outer, inner) * 0.02, requires_grad=False)
        self.b = nn.Parameter(torch.randn(outer // block, block, block) * 0.01)

    def forward(self, x):
        (outer, inner), r = self.weight.shape, self.block
        parts = self.weight.reshape(outer // r, r, inner // r, r).permute(2, 0, 1, 3)
        change = (parts @ self.b + self.b).permute(1, 2, 0, 3).reshape(outer, inner)
        return F.linear(x, self.weight + change)


class BoneFree(nn.Module):
    def __init__(self, inner, outer, block=64):
        super().__init__()
        self.block = block = min(block, inner)
        self.weight = nn.Parameter(torch.randn(outer, inner) * 0.02, requires_grad=False)
        self.b = nn.Parameter(torch.randn(block, outer) * 0.01)

    def forward(self, x):
        shards = x.reshape(*x.shape[:-1], x.shape[-1] // self.block, self.block).sum(-2)
        return F.linear(x, self.weight) + shards @ self.b


class Block(nn.Module):
    def __init__(self, linear, width, inner, heads):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.o = (linear(width, width) for _ in range(4))
        self.gate, self.up, self.down = linear(width, inner), linear(width, inner), linear(inner, width)
        self.first, self.second = RmsNorm(width), RmsNorm(width)

    def forward(self, x, cos, sin):
        def split(y):
            return y.view(*y.shape[:2], self.heads, -1).transpose(1, 2)

        def turn(y):
            left, right = y.chunk(2, -1)
            return y * cos + torch.cat((-right, left), -1) * sin

        y = self.first(x)
        y = F.scaled_dot_product_attention(turn(split(self.q(y))), turn(split(self.k(y))), split(self.v(y)),
                                           is_causal=True)
        x = x + self.o(y.transpose(1, 2).reshape(x.shape))
        y = self.second(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


class Blocks(nn.Module):
    def __init__(self, linear):
        super().__init__()
        width, inner, heads = size(4096, 64), size(11008, 128), size(32, 2)
        self.embedding = nn.Embedding(size(2048, 96), width)
        self.blocks = nn.ModuleList(Block(linear, width, inner, heads) for _ in range(size(2, 1)))
        self.norm, self.head = RmsNorm(width), nn.Linear(width, size(2048, 96), bias=False)
        angles = torch.outer(torch.arange(size(512, 8)).float(),
                             10000 ** (-torch.arange(0, width // heads, 2).float() / (width // heads)))
        self.register_buffer("cos", torch.cat((angles, angles), -1).cos())
        self.register_buffer("sin", torch.cat((angles, angles), -1).sin())

    def forward(self, ids):
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cos, self.sin)
        return self.head(self.norm(x))


def text_step(model, forward):
    ids = torch.randint(size(2048, 96), (size(8, 1), size(512, 8)), device=options.device)
    trained = [value for value in model.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-6, weight_decay=0, **({"fused": True} if on_gpu else {}))

    def step():
        logits = forward(ids)
        F.cross_entropy(logits.flatten(0, 1).float(), ids.flatten()).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def adapted(benchmark, linear):
    def make(transform):
        model = Blocks(linear)
        for name, value in model.named_parameters():
            value.requires_grad_(value.requires_grad and name.split(".")[-1] in ("a", "b"))
        model = model.to(options.device, half)
        return text_step(model, transform(model))

    both(benchmark, make)


def peft(benchmark, configuration):
    import peft as library
    from transformers import LlamaConfig, LlamaForCausalLM
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=size(2048, 96), hidden_size=size(4096, 64), intermediate_size=size(11008, 128),
        num_hidden_layers=size(2, 1), num_attention_heads=size(32, 2), max_position_embeddings=512))
    model = library.get_peft_model(model, configuration(library)).to(options.device, half)
    timed(benchmark, "PEFT", text_step(model, lambda ids: model(ids).logits))


def language():
    targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    adapted("llama-lora", Lora)
    adapted("llama-bone-row", BoneRow)
    adapted("llama-bone-free", BoneFree)
    if has("peft") and has("transformers"):
        peft("llama-lora", lambda library: library.LoraConfig(r=16, target_modules=targets))
        peft("llama-bone-row", lambda library: library.MissConfig(
            r=size(64, 16), init_weights="bat", target_modules=targets))
        peft("llama-bone-free", lambda library: library.MissConfig(r=size(64, 16), target_modules=targets))
    has("unsloth")  # it rewrites whole checkpoints and takes no blocks of its own; named where it is missing


# --- Single operations ----------------------------------------------------------------------------------------------

def operations():
    x, gradient = (random(size(4096, 6), size(4096, 64), grad=grad) for grad in (True, False))

    def norm(transform):
        module = RmsNorm(x.shape[-1]).to(options.device, half).requires_grad_(False)
        forward = transform(module)
        return lambda: forward(x).backward(gradient)

    both("rms-norm", norm)
    if on_gpu and has("liger_kernel"):
        from liger_kernel.transformers import LigerRMSNorm
        liger = LigerRMSNorm(x.shape[-1]).to(options.device, half).requires_grad_(False)
        timed("rms-norm", "Liger", lambda: liger(x).backward(gradient))

    shapes = [size(4096, 64)] * 4 + [size(11008, 128)] * 2 + [size(4096, 64)]
    values = [nn.Parameter(random(outer, 64, dtype=torch.float32)) for _ in range(size(32, 1)) for outer in shapes]
    for value in values:
        value.grad = torch.randn_like(value)
    for way, choice in (("foreach", {"foreach": True}), ("fused", {"fused": True})):
        if on_gpu or way == "foreach":
            timed("adamw", f"torch.optim.AdamW, {way}", torch.optim.AdamW(values, lr=1e-4, **choice).step)

    if on_gpu and has("fla"):
        from fla.ops.rwkv6 import chunk_rwkv6, fused_recurrent_rwkv6
        shape = (8, 512, 40, 64)
        r, k, v = (random(*shape, dtype=torch.float32, grad=True) for _ in range(3))
        decay = (-torch.rand(shape, device=options.device)).requires_grad_()
        bonus = random(40, 64, dtype=torch.float32, grad=True)
        for way, function in (("fla, recurrent", fused_recurrent_rwkv6), ("fla, chunks", chunk_rwkv6)):
            timed("wkv6", way, lambda f=function: f(r, k, v, decay, bonus)[0].sum().backward())


# --- DeiT with weights and activations of two bits ------------------------------------------------------------------

class Round(torch.autograd.Function):
    @staticmethod
    def forward(context, x):
        return x.round()

    @staticmethod
    def backward(context, gradient):
        return gradient


class QuantizedLinear(nn.Linear):
    """StatsQ of the weight, LSQ of the input with a step for each position."""

    def __init__(self, inner, outer, tokens):
        super().__init__(inner, outer)
        self.step = nn.Parameter(torch.full((1, tokens, 1), 0.5))
        self.before, self.after = nn.Parameter(torch.zeros(inner)), nn.Parameter(torch.zeros(inner))

    def forward(self, x):
        scale = 2 * self.weight.detach().abs().mean(1, keepdim=True)
        levels = Round.apply((self.weight / scale).clamp(-1, 1 - 1e-6) * 2 - 0.5)
        quantized = Round.apply(((x + self.before) / self.step).clamp(-2, 1)) * self.step + self.after
        return F.linear(quantized, (levels + 0.5) / 2 * scale, self.bias)


class VisionBlock(nn.Module):
    def __init__(self, linear, width, heads):
        super().__init__()
        self.heads = heads
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = linear(width, 3 * width), linear(width, width)
        self.fc1, self.fc2 = linear(width, 4 * width), linear(4 * width, width)

    def forward(self, x):
        q, k, v = self.qkv(self.first(x)).view(*x.shape[:2], 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v)
        x = x + self.proj(y.transpose(1, 2).reshape(x.shape))
        return x + self.fc2(F.gelu(self.fc1(self.second(x))))


def vision():
    for benchmark, width, heads, batch in (("deit-t", 192, 3, 128), ("deit-s", 384, 6, 64)):
        tokens, depth, images = size(198, 6), size(12, 1), size(batch, 1)
        width, heads = size(width, 32), size(heads, 2)
        for way, linear, dtype in (
                ("fake quantization, no QKR, float32", lambda i, o: QuantizedLinear(i, o, tokens), torch.float32),
                ("float model in bfloat16", nn.Linear, half)):
            def make(transform):
                model = nn.Sequential(*(VisionBlock(linear, width, heads) for _ in range(depth)),
                                      nn.LayerNorm(width)).to(options.device, dtype)
                forward = transform(model)
                x = random(images, tokens, width, dtype=dtype)
                optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, **({"fused": True} if on_gpu else {}))

                def step():
                    forward(x).float().square().mean().backward()
                    optimizer.step()
                    optimizer.zero_grad(set_to_none=True)

                return step

            timed(benchmark, way, make(lambda part: part))
            if on_gpu:
                timed(benchmark, f"{way}, torch.compile", make(torch.compile))


for part in (operations, language, vision):
    part()
with open(options.json, "w") as file:
    json.dump({"torch": torch.__version__, "device": torch.cuda.get_device_name() if on_gpu else "CPU",
               "rows": rows, "missing": missing}, file, indent=2)
