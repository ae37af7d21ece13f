using System.Diagnostics;
using System.Text.RegularExpressions;
using Marrow.Tests.Tool.Harness;
using Xunit;

namespace Marrow.Tests.Tool;

/// <summary><c>marrow explain</c>: emitted code beside its cause, in the terminal, as JSON and as a page.</summary>
public sealed class ExplainTests : IDisposable
{
    private const string Net = """
        using Marrow;
        using static TorchSharp.torch;

        namespace Shapes;

        [Model]
        [Checkpoint(Prefix = "net.")]
        public partial class Net(int width, int depth)
        {
            [BatchNorm1d(nameof(width))] public partial BatchNorm1d Norm { get; }

            [Linear(nameof(width), "4 * width", Count = nameof(depth))]
            public partial ModuleList<Linear> Up { get; }

            [Head, Linear("4 * width", 3)] public partial Linear Score { get; }

            [Forward]
            private Tensor Network(Tensor x) => Score.call(Up[0].call(Norm.call(x)));
        }

        [Bone(BlockSize = 16, Targets = "up.0", Train = "score")]
        [Lora(Rank = 4, Targets = "up.1")]
        [Quantize(Bits = 4, Targets = "up.0")]
        public sealed partial class Tuned() : Net(width: 32, depth: 2);
        """;

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Attributes_HaveWhatTheyCaused()
    {
        var models = Call.Json("explain", Write(Net));
        Assert.Equal(["Net", "Tuned"], models.EnumerateArray().Select(model => model.GetProperty("name").GetString()));
        var tuned = models[1];
        var causes = tuned.GetProperty("causes").EnumerateArray().ToDictionary(
            cause => cause.GetProperty("source").GetString()!.Split('(')[0],
            cause => string.Join('\n', cause.GetProperty("emitted").EnumerateArray()));
        Assert.Equal(["[Bone", "[Lora", "[Quantize"], causes.Keys.Order());
        Assert.Contains("builder.Train(\"score\")", causes["[Bone"]);
        Assert.Contains("class BoneRow16OnW4", causes["[Bone"]);
        Assert.DoesNotContain("Lora4", causes["[Bone"]);
        Assert.Contains("class Lora4", causes["[Lora"]);

        // 3 × (4 · 32) + 3 of the head, which trains whole; 128 / 16 blocks; and rank 4 over 32 → 128.
        var cost = tuned.GetProperty("cost");
        Assert.Equal(387 + (8 * 256) + (4 * (32 + 128)), cost.GetProperty("trainable").GetInt64());
        var (up, score) = (tuned.GetProperty("layers")[2], tuned.GetProperty("layers")[3].GetProperty("layer"));
        Assert.Contains("x Aᵀ [n, 4]", $"{up}");
        Assert.True(score.GetProperty("isTrained").GetBoolean());
    }

    [Fact]
    public void Members_HaveWhatTheyCaused()
    {
        var text = Call.Succeeds("explain", Write(Net));
        Assert.Contains("map.Prefix(\"net.\");", text);
        Assert.Contains("__Norm = builder.Module(\"norm\"", text);
        Assert.Contains("public override global::TorchSharp.torch.Tensor forward(", text);
    }

    /// <summary>A file says <c>using Marrow;</c> alone, as in a project that has the packages.</summary>
    [Fact]
    public void Usings_AreThoseOfThePackages()
    {
        var models = Call.Json("explain", Write("""
            using Marrow;
            using static TorchSharp.torch;

            using var model = new Small();
            Console.WriteLine(model);

            [Bone(BlockSize = 8)] public partial class Small() : Llama(40, 32, 48, 1, 2, 1);
            """));
        Assert.Equal("Small", models[0].GetProperty("name").GetString());
    }

    [Fact]
    public void Project_GivesClassesOfOtherFiles()
    {
        var parts = Net.Split("[Bone", 2);
        File.WriteAllText(folder.File("App.csproj"), "<Project />");
        File.WriteAllText(folder.File("Net.cs"), parts[0]);
        var file = folder.File("Tuned.cs");
        File.WriteAllText(file, "using Marrow;\nnamespace Shapes;\n[Bone" + parts[1]);
        Assert.Contains("class BoneRow16OnW4", Call.Succeeds("explain", file));
        Assert.Contains("class Lora4", Call.Succeeds("explain", "Tuned", "--project", folder.Path));
        Assert.Contains("did you mean 'Tuned'?", Call.Fails("explain", "Tuend", "--project", folder.Path));
    }

    [Fact]
    public void Findings_AreShownAtTheirPlace()
    {
        var text = Call.Succeeds("explain", Write(Net.Replace("BlockSize = 16", "BlockSize = 7")));
        Assert.Matches(@"Model\.cs\(\d+,7\): MRW101: \[Bone\] BlockSize 7 does not divide", text);
    }

    [Theory]
    [InlineData("there is no such file", "/nope/Model.cs")]
    [InlineData("no class with [Model]", "class C;")]
    [InlineData("CS0246: The type or namespace name 'Elsewhere' could not be found", "class C : Elsewhere;")]
    [InlineData("CS1513", "class C {")]
    [InlineData("no such folder", "Net", "--project", "/nope")]
    public void WrongInput_GetsOneSentence(string part, string target, params string[] options) => Assert.Contains(
        part, Call.Fails(["explain", target.StartsWith("class") ? Write(target) : target, .. options]));

    /// <summary>The page in a real browser: nothing is fetched, and nothing is wider than the window.</summary>
    [Theory]
    [InlineData(400)]
    [InlineData(1600)]
    public void Page_FitsTheWindow(int width)
    {
        var browser = Browser();
        Assert.SkipWhen(browser is null, "chromium is not installed");
        var page = folder.File("page.html");
        Call.Succeeds("explain", Write(Net), "--html", page);
        var text = File.ReadAllText(page);
        Assert.DoesNotMatch("(src|href)=|url\\(|@import", text);

        // The page reports on itself where the test reads it. A window of Chromium has at least 500 pixels, so the page
        // lies in a frame of the width that is wanted.
        File.WriteAllText(page, text.Replace("</body>", """
            <script>
            addEventListener("load", () => parent.postMessage([
              document.documentElement.scrollWidth, innerWidth, document.querySelectorAll("article").length,
              getComputedStyle(document.querySelector(".cause")).gridTemplateColumns.split(" ").length,
            ].join(","), "*"));
            </script></body>
            """));
        File.WriteAllText(folder.File("frame.html"), $"""
            <!doctype html><title>waiting</title>
            <script>addEventListener("message", event => document.title = "measured:" + event.data);</script>
            <iframe src="page.html" width="{width}" height="900" style="border:0"></iframe>
            """);
        var dom = Run(
            browser!, "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files",
            $"--user-data-dir={folder.File("profile")}", "--virtual-time-budget=5000", "--dump-dom",
            $"file://{folder.File("frame.html")}");
        var measured = Regex.Match(dom, @"measured:(\d+),(\d+),(\d+),(\d+)");
        Assert.True(measured.Success, dom[..Math.Min(500, dom.Length)]);
        var numbers = measured.Groups.Values.Skip(1).Select(group => int.Parse(group.Value)).ToArray();
        Assert.True(numbers[0] <= numbers[1], $"{numbers[0]} pixels in a window of {numbers[1]}");
        Assert.Equal(2, numbers[2]);
        Assert.Equal(width < 860 ? 1 : 2, numbers[3]);
    }

    private string Write(string text)
    {
        var file = folder.File("Model.cs");
        File.WriteAllText(file, text);
        return file;
    }

    private static string? Browser() => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .SelectMany(directory => new[] { "chromium", "chromium-browser", "google-chrome" }.Select(
            name => Path.Combine(directory, name)))
        .FirstOrDefault(File.Exists);

    private static string Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = process.StandardOutput.ReadToEnd();
        Assert.True(process.WaitForExit(TimeSpan.FromMinutes(1)), "the browser does not end");
        _ = errors;
        return output;
    }
}
