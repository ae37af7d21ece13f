using System.Text;
using Marrow.Models;
using Xunit;

namespace Marrow.Tests.Llama;

/// <summary>Damaged config.json files: each is read as what it says or refused with a message.</summary>
public sealed class ConfigurationFuzzTests
{
    [Fact]
    public void Read_MutatedConfiguration_LoadsOrIsRefused()
    {
        using var folder = new TemporaryFolder();
        var good = Encoding.UTF8.GetBytes(new SmallLlama().Configuration().ToJsonString());
        var random = new Random(6);
        var refused = 0;
        for (var i = 0; i < 2000; i++)
        {
            var bytes = (byte[])good.Clone();
            for (var flips = random.Next(1, 4); flips > 0; flips--)
            {
                bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
            }

            File.WriteAllBytes(
                folder.File("config.json"), random.Next(5) == 0 ? bytes[..random.Next(bytes.Length)] : bytes);
            try
            {
                DecoderSizes.Read(folder.Path);
            }
            catch (CheckpointException error)
            {
                Assert.StartsWith(folder.File("config.json") + ": ", error.Message);
                refused++;
            }
        }

        Assert.InRange(refused, 500, 1999);
    }
}
