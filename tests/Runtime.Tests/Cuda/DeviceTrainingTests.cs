using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Cuda;

/// <summary>
/// Whole models trained by CUDA kernels: over the emulator, or on a device; beside the CPU's own kernels, resumed, and
/// over many steps.
/// </summary>
[Trait("Gpu", "yes")]
public sealed class DeviceTrainingTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly DisposeScope scope = NewDisposeScope();

    public DeviceTrainingTests() => KernelHost.Require();

    public static TheoryData<string, ScalarType> Cases =>
        new(from name in DeviceCase.All.Keys
            from type in (ScalarType[])[float32, bfloat16]
            where type == float32 || !DeviceCase.All[name].HasLevels
            select (name, type));

    public void Dispose()
    {
        scope.Dispose();
        folder.Dispose();
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void TwentySteps_AreThoseOfTheCpu(string name, ScalarType type)
    {
        const int steps = 20;
        var expected = Train(name, type, CPU, steps);
        using var cuda = KernelHost.Take();
        var own = Train(name, type, KernelHost.Device, steps);
        var close = type == float32 ? 2e-3 : 0.1;
        if (DeviceCase.All[name].HasLevels)
        {
            // A rounding that flips one of their few levels moves single losses, and all that follow.
            Assert.Equal(expected.Losses[0], own.Losses[0], close);
            Assert.Equal(expected.Losses.Average(), own.Losses.Average(), 0.15);
        }
        else
        {
            Assert.All(own.Losses.Zip(expected.Losses), step => Assert.Equal(step.Second, step.First, close));
        }

        Assert.All(own.Losses.Skip(1), loss => Assert.NotEqual(own.Losses[0], loss));
    }

    // Rounding to bfloat16 moves levels, and with two bits the rest: there is nothing to compare step by step.
    [Theory]
    [InlineData("deit statsq qkr cga")]
    [InlineData("deit lsq")]
    [InlineData("swin statsq qkr")]
    public void LevelsOfBfloat16_Learn(string name)
    {
        using var cuda = KernelHost.Take();
        var losses = Train(name, bfloat16, KernelHost.Device, steps: 16, rate: 3e-3).Losses;
        Assert.True(losses[^4..].Average() < losses[..4].Average(), string.Join(" ", losses));
    }

    [Theory]
    [InlineData("llama bone row", ScalarType.BFloat16)]
    [InlineData("rwkv6 bone mini", ScalarType.Float32)]
    [InlineData("deit statsq qkr cga", ScalarType.Float32)]
    public void AResumedRun_TakesTheSameSteps_BitForBit(string name, ScalarType type)
    {
        using var cuda = KernelHost.Take();
        var whole = Train(name, type, KernelHost.Device, steps: 6);
        var path = folder.File("state.safetensors");
        Train(name, type, KernelHost.Device, steps: 6, path, stopAfter: 3);
        var resumed = Train(name, type, KernelHost.Device, steps: 6, path);
        Assert.Equal(whole.Losses, resumed.Losses);
        Assert.All(whole.Model.parameters().Zip(resumed.Model.parameters()), pair =>
            Assert.True(pair.First.cpu().bytes.SequenceEqual(pair.Second.cpu().bytes)));
    }

    [Theory]
    [InlineData("llama bone row")]
    [InlineData("deit statsq qkr cga")]
    public void ManySteps_KeepTheirMemory(string name)
    {
        var (steps, warmUp) = KernelHost.IsDevice ? (2000, 100) : (12, 4);
        using var cuda = KernelHost.Take();
        var (tensors, bytes) = (0L, 0L);
        Train(name, float32, KernelHost.Device, steps, each: step =>
        {
            var now = (Tensor.TotalCount, Devices.Status(KernelHost.Device)?.UsedBytes ?? 0);
            (tensors, bytes) = step == warmUp ? now : (tensors, bytes);
            if (step > warmUp)
            {
                Assert.InRange(now.TotalCount, 0, tensors);
                Assert.InRange(now.Item2, 0, bytes + (64 << 20)); // others use the device too
            }
        });
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Fused_EqualsEager(string name, ScalarType type)
    {
        var (model, batch) = Make(name, type, KernelHost.Device);
        using var cuda = KernelHost.Take();
        var difference = ((IModel)model).VerifyAgainstEager(batch(0).Inputs);
        var tolerance = type == float32 ? 1e-4 : 0.1;
        Assert.True(difference.Output <= tolerance * Math.Max(1, difference.LargestOutput), $"{difference}");
        Assert.True(difference.LargestGradient <= tolerance * 10, $"{difference}");
    }

    private static (nn.Module<Tensor, Tensor> Model, Func<long, (Tensor Inputs, Tensor Labels)> Batch) Make(
        string name, ScalarType type, Device device)
    {
        var of = DeviceCase.All[name];
        manual_seed(1);
        nn.Module<Tensor, Tensor> model;
        using (Construction.On(CPU, type))
        {
            model = of.Create();
        }

        model.to(device);
        return (model, number =>
        {
            var (inputs, labels) = of.Batch(number);
            return ((inputs.is_floating_point() ? inputs.to(type) : inputs).to(device), labels.to(device));
        }
        );
    }

    private static (nn.Module<Tensor, Tensor> Model, List<double> Losses) Train(
        string name,
        ScalarType type,
        Device device,
        int steps,
        string? checkpoint = null,
        int stopAfter = int.MaxValue,
        Action<int>? each = null,
        double? rate = null)
    {
        var (model, batch) = Make(name, type, device);
        using var training = new Training<(Tensor Inputs, Tensor Labels)>(
            (IModel)model,
            number => batch(rate is null ? number : 0),
            pair => DeviceCase.All[name].Loss(model.call(pair.Inputs), pair.Labels),
            new()
            {
                Steps = steps,
                Rate = new CosineSchedule(rate ?? (DeviceCase.All[name].HasLevels ? 2e-4 : 3e-3), steps),
                Optimizer = parameters => new FusedAdamW(parameters),
                ClipNorm = 1,
                Oscillation = new() { FreezeThreshold = (0.02, 0.02) },
                Checkpoint = checkpoint,
            });
        training.Run(step =>
        {
            each?.Invoke(step.Step);
            if (step.Step == stopAfter)
            {
                training.Stop();
            }
        });
        return (model, [.. training.Losses]);
    }
}
