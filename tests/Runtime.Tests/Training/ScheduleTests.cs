using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Training;

/// <summary>Schedules against TorchSharp's, which are PyTorch's, and against PyTorch's formulas.</summary>
public sealed class ScheduleTests
{
    private const int Steps = 20;

    [Fact]
    public void Cosine_IsCosineAnnealing() => AssertSame(
        new CosineSchedule(0.3, Steps, Floor: 0.01), optimizer =>
            optim.lr_scheduler.CosineAnnealingLR(optimizer, Steps, eta_min: 0.01));

    [Fact]
    public void Linear_IsLinearLr() => AssertSame(
        new LinearSchedule(0.3, Steps, Floor: 0.03), optimizer =>
            optim.lr_scheduler.LinearLR(optimizer, start_factor: 1, end_factor: 0.1, total_iters: Steps));

    [Fact]
    public void OneCycle_IsOneCycleLr() => AssertSame(
        new OneCycleSchedule(0.3, Steps), optimizer =>
            optim.lr_scheduler.OneCycleLR(optimizer, 0.3, total_steps: Steps, cycle_momentum: false));

    [Theory]
    [InlineData(0, 0.3 / 25)]
    [InlineData(5, 0.3)]
    [InlineData(19, 0.3 / 25 / 1e4)]
    [InlineData(12, (0.3 + (0.3 / 25 / 1e4)) / 2)]
    public void OneCycle_RisesAndFallsAlongHalfCosines(int step, double rate) =>
        Assert.Equal(rate, new OneCycleSchedule(0.3, Steps).Rate(step), 1e-9);

    [Theory]
    [InlineData("cosine")]
    [InlineData("linear")]
    [InlineData("constant")]
    public void WarmUp_RisesLinearlyToThePeak(string kind)
    {
        ISchedule schedule = kind switch
        {
            "cosine" => new CosineSchedule(0.4, Steps, WarmUp: 4),
            "linear" => new LinearSchedule(0.4, Steps, WarmUp: 4),
            _ => new ConstantSchedule(0.4, WarmUp: 4),
        };
        Assert.Equal(
            [0.1, 0.2, 0.3, 0.4, 0.4], Enumerable.Range(0, 5).Select(step => Math.Round(schedule.Rate(step), 12)));
        Assert.Equal(kind == "constant" ? 0.4 : 0.2, schedule.Rate(12), 1e-12); // half way
        Assert.Equal(kind == "constant" ? 0.4 : 0, schedule.Rate(Steps), 1e-12);
        Assert.Equal(schedule.Rate(Steps), schedule.Rate(2 * Steps), 1e-12);
    }

    [Fact]
    public void WarmUp_IsLinearLr()
    {
        using var parameter = new TorchSharp.Modules.Parameter(zeros(1));
        var optimizer = optim.SGD([parameter], 0.4);
        var expected = optim.lr_scheduler.LinearLR(optimizer, start_factor: 0.25, end_factor: 1, total_iters: 3);
        var schedule = new ConstantSchedule(0.4, WarmUp: 4);
        for (var step = 0; step < 6; step++)
        {
            Assert.Equal(optimizer.ParamGroups.Single().LearningRate, schedule.Rate(step), 1e-12);
            optimizer.step();
            expected.step();
        }
    }

    private static void AssertSame(ISchedule schedule, Func<optim.Optimizer, optim.lr_scheduler.LRScheduler> torch)
    {
        using var parameter = new TorchSharp.Modules.Parameter(zeros(1));
        var optimizer = optim.SGD([parameter], 0.3);
        var expected = torch(optimizer);
        for (var step = 0; step < Steps; step++)
        {
            Assert.Equal(optimizer.ParamGroups.Single().LearningRate, schedule.Rate(step), 1e-9);
            optimizer.step();
            if (step < Steps - 1)
            {
                expected.step();
            }
        }
    }
}
