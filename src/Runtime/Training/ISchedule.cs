namespace Marrow;

/// <summary>The learning rate of every step of a training.</summary>
public interface ISchedule
{
    /// <summary>The rate of a step, counted from 0.</summary>
    double Rate(int step);
}
