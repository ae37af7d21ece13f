using Marrow.CompilerServices;
using Marrow.Cuda;
using Marrow.Cuda.Emulation;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Cuda;

/// <summary>What is said where a kernel cannot be launched.</summary>
public sealed class LaunchTests : KernelTest
{
    [Fact]
    public void AGridThatCudaDoesNotHave_IsNamed()
    {
        using var cuda = KernelHost.Take();
        var kernels = CudaLsq.For(ones(1, 1))!;
        Assert.Contains("lsq_levels would need 2147483648 blocks", Assert.Throws<CudaException>(() =>
            kernels.Launch("lsq_levels", 1L << 31, 32)).Message);
    }

    [Fact]
    public void TheSwitchForSumsInOneOrder_IsThere()
    {
        Assert.True(KernelHost.SumInOneOrder(true));
        Assert.False(KernelHost.SumInOneOrder(false));
    }

    [Fact]
    public void TensorsOfTwoDevices_AreNamed()
    {
        using var cuda = KernelHost.Take();
        var kernels = CudaLsq.For(ones(1, 1))!;
        var other = new CudaArgument(0, (TorchSharp.DeviceType.CUDA, 1));
        Assert.Contains("it is given those of the CPU and CUDA:1", Assert.Throws<CudaException>(() =>
            kernels.Launch("lsq_levels", 1, 32, ones(1, 1), 5, other)).Message);
    }

    [Fact]
    public void ATextThatDoesNotCompile_IsSaidOnce_AndPlainOperationsGoOn()
    {
        using var cuda = CudaKernels.OnTheCpu(new EmulatedDriver(_ => "#error broken"));
        var (error, said) = (Console.Error, new StringWriter());
        Console.SetError(said);
        try
        {
            var x = randn(3, 7);
            var levels = ActivationLevels.Of(x, ones(3), null, LevelRange.Signed(2)).Stored;
            ActivationLevels.Of(x, ones(3), null, LevelRange.Signed(2));
            Assert.True(levels.equal(x.clamp(-2, 1).round().to(int8)).all().item<bool>());
        }
        finally
        {
            Console.SetError(error);
        }

        var start = "Marrow: plain operations take the place of CUDA kernels: g++ does not compile lsq (ENTRY=float)";
        Assert.StartsWith(start, said.ToString());
        Assert.Equal(said.ToString().IndexOf(start), said.ToString().LastIndexOf(start));
    }
}
