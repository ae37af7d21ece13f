using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Models;

/// <summary>Devices by name, on a machine without CUDA.</summary>
public sealed class DeviceTests
{
    [Theory]
    [InlineData("cpu")]
    [InlineData("auto")]
    public void Name_OfTheCpu_IsTheCpu(string name)
    {
        Assert.SkipWhen(cuda.is_available(), "There is a CUDA device.");
        Assert.Equal(TorchSharp.DeviceType.CPU, Devices.Of(name).type);
    }

    [Theory]
    [InlineData("gpu", "it is cpu, cuda, cuda:1 and so on, or auto")]
    [InlineData("cuda:x", "it is cpu, cuda, cuda:1 and so on, or auto")]
    [InlineData("cuda", "no CUDA device can be used; build with -p:Torch=cuda")]
    [InlineData("cuda:1", "no CUDA device can be used; build with -p:Torch=cuda")]
    public void Name_OfNoDevice_IsRefused(string name, string words)
    {
        Assert.SkipWhen(cuda.is_available(), "There is a CUDA device.");
        Assert.Contains(words, Assert.Throws<ArgumentException>(() => Devices.Of(name)).Message);
    }
}
